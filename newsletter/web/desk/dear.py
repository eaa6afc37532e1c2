"""Answers that are dear: what takes the store a while is asked for once, and then told to everybody for some time."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from flask import current_app

from newsletter.audience import roster
from newsletter.db import Session

T = TypeVar("T")

_KEY = "newsletter.audience"
_SHARE = 20
# Seconds. Counting a hundred thousand readers takes less, a million readers more.
_QUICK = 0.25


class Dear(Generic[T]):
    """An answer that takes a while: asked for again only after twenty times as long as it took the last time.

    It is good for `least` seconds at least; one that came within `quick` seconds is not kept at all.
    """

    def __init__(self, least: float = 0.0, quick: float = 0.0) -> None:
        self._least, self._quick = least, quick
        self._good_until = 0.0
        self._answer: T | None = None

    def get(self, ask: Callable[[], T], *, fresh: bool = False) -> T:
        began = time.monotonic()
        if self._answer is None or fresh or began >= self._good_until:
            self._answer = ask()
            took = time.monotonic() - began
            self._good_until = began + max(self._least, _SHARE * took) if took >= self._quick else began
        return self._answer


class _Audience:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.size: Dear[int] = Dear(quick=_QUICK)


def audience_size(store: Session, publication_id: int) -> int:
    """How many readers an issue would go to, as every page tells it; of a large audience, as it was a moment ago."""
    known: dict[int, _Audience] = current_app.extensions.setdefault(_KEY, {})
    audience = known.setdefault(publication_id, _Audience())
    with audience.lock:
        return audience.size.get(lambda: roster.audience_size(store, publication_id))
