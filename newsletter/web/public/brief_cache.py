"""What many requests read at the same time, and none of it about whoever asks: kept for a moment, read by one for all.

Time alone ends an entry, as with whole pages (`page_cache`), so no process has to hear of what another one changed.
"""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from flask import Flask, current_app

from newsletter.web.public.kept_value import KeptValue

KEPT = 0.2
"""Seconds after which one request reads again; the others get the old value meanwhile."""
LONGEST = 2 * KEPT
"""Seconds after which nobody gets the old one, should reading take so long or fail."""
MOST_VALUES = 100

T = TypeVar("T")
_EXTENSION = "newsletter.brief_cache"


class BriefCache:
    """The values read last; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[Hashable, KeptValue[Any]] = {}

    def get(self, key: Hashable, read: Callable[[], T]) -> T:
        """What `read` returned a moment ago, or returns now; what it raises is not kept."""
        now = self._clock()
        with self._lock:
            known = self._kept.get(key)
            if known and known.is_good(now, KEPT, LONGEST):
                return cast("T", known.value)
        value = read()
        with self._lock:
            if len(self._kept) >= MOST_VALUES:
                self._kept.clear()
            self._kept[key] = KeptValue(value, now)
        return value


def init_app(app: Flask, cache: BriefCache) -> None:
    """Answer from this cache."""
    app.extensions[_EXTENSION] = cache


def get(key: Hashable, read: Callable[[], T]) -> T:
    """The same from this app's cache; without one, it is read each time."""
    cache = cast("BriefCache | None", current_app.extensions.get(_EXTENSION))
    return cache.get(key, read) if cache else read()
