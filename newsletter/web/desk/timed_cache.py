"""Answers that are dear: what takes the store a while is asked for once, and then told to everybody for some time."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from flask import current_app

from newsletter.audience import subscribers
from newsletter.audience.models import Status
from newsletter.db import Session

T = TypeVar("T")

_KEY = "newsletter.audience"
_SHARE = 20
# Counting so many readers takes a few milliseconds, so a smaller audience is always counted anew.
_MANY = 50_000
_KEPT = 5.0


class TimedCache(Generic[T]):
    """An answer that takes a while: asked for again only after twenty times as long as it took the last time.

    It is good for `least` seconds at least; one that came within `quick` seconds, or is not `large`, is not kept.
    """

    def __init__(
        self, least: float = 0.0, quick: float = 0.0, large: Callable[[T], bool] = lambda _answer: True
    ) -> None:
        self._least, self._quick, self._large = least, quick, large
        self._good_until = 0.0
        self._answer: T | None = None

    def get(self, ask: Callable[[], T], *, fresh: bool = False) -> T:
        began = time.monotonic()
        if self._answer is None or fresh or began >= self._good_until:
            self._answer = ask()
            took = time.monotonic() - began
            is_kept = took >= self._quick and self._large(self._answer)
            self._good_until = began + max(self._least, _SHARE * took) if is_kept else began
        return self._answer


class _Audience:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.size: TimedCache[int] = TimedCache(_KEPT, large=lambda size: size >= _MANY)
        self.counts: TimedCache[Mapping[Status, int]] = TimedCache(
            _KEPT, large=lambda counts: sum(counts.values()) >= _MANY
        )


def audience_size(store: Session, publication_id: int) -> int:
    """How many readers an issue would go to, as every page tells it; of a large audience, as it was a moment ago."""
    audience = _audience(publication_id)
    with audience.lock:
        return audience.size.get(lambda: subscribers.audience_size(store, publication_id))


def counts(store: Session, publication_id: int) -> Mapping[Status, int]:
    """How many subscriptions stand where, likewise."""
    audience = _audience(publication_id)
    with audience.lock:
        return audience.counts.get(lambda: subscribers.status_counts(store, publication_id))


def _audience(publication_id: int) -> _Audience:
    known: dict[int, _Audience] = current_app.extensions.setdefault(_KEY, {})
    return known.setdefault(publication_id, _Audience())
