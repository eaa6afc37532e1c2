"""Refused forms of this process, written down a few seconds' worth at a time: a flood must not become writes."""

import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import cast

from flask import Flask, current_app

from newsletter.audience import refusals
from newsletter.audience.refusals import FormKind, Reason
from newsletter.clock import Clock
from newsletter.db import Session, Sessions, group_commit

_KEY = "newsletter.refusals"
_EVERY = timedelta(seconds=5)


class RefusalTally:
    """Counts refusals, and writes them down with the first one after five seconds."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock
        self._lock = threading.Lock()
        self._counted: Counter[tuple[FormKind, Reason]] = Counter()
        self._written_at: datetime | None = None

    def add(self, form: FormKind, reason: Reason) -> None:
        """Count one."""
        now = self._clock()
        with self._lock:
            self._counted[form, reason] += 1
            if self._written_at is not None and abs(now - self._written_at) < _EVERY:
                return
            counted, self._counted, self._written_at = self._counted, Counter(), now
        group_commit.write(self._sessions, lambda session: _write(session, counted, now))


def init_tally(app: Flask, sessions: Sessions, clock: Clock) -> None:
    """Let this app count what it refuses."""
    app.extensions[_KEY] = RefusalTally(sessions, clock)


def count_refusal(form: FormKind, reason: Reason) -> None:
    """Count a refused form of this request."""
    cast("RefusalTally", current_app.extensions[_KEY]).add(form, reason)


def _write(session: Session, counted: Counter[tuple[FormKind, Reason]], now: datetime) -> None:
    for kind in sorted({form for form, _ in counted}):
        refusals.add(session, {reason: hits for (form, reason), hits in counted.items() if form is kind}, now, kind)
