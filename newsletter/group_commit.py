"""Group commit: of those who write at once, one carries the work of all to the disk, in one transaction.

SQLite has one writer at a time, and each commit waits for the disk. While somebody waits for the turn to write, others
come with work of their own; it is done in the same transaction, each behind a savepoint of its own, and one sync does
for all. Nobody is told that it is done before it is on the disk.
"""

import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from newsletter import write_queue
from newsletter.db import AWAY, Sessions

T = TypeVar("T")

MOST = 32
"""How many share one transaction, so that whoever else waits to write need not wait long."""

_LOOK = 0.1


def write(sessions: Sessions, work: Callable[[Session], T]) -> T:
    """Do this in a transaction that others may share; what it raises undoes its own part, and is raised here."""
    if not sessions.embedded:
        with sessions.begin() as session:
            return work(session)
    with _lock:
        group = _groups.setdefault(sessions.engine, _Group())
    return group.write(sessions, work)


class _Job(Generic[T]):
    def __init__(self, work: Callable[[Session], T]) -> None:
        self._work = work
        self._done: T | None = None
        self._error: BaseException | None = None
        self.called = threading.Event()
        """Set when it is done, or has to lead."""
        self.leads = False

    def run(self, session: Session) -> None:
        try:
            with session.begin_nested():
                self._done = self._work(session)
        except AWAY:
            raise  # the transaction may be gone, and with it the work of the others
        except Exception as error:
            self._error = error

    def fail(self, error: BaseException) -> None:
        self._error = error

    def result(self) -> T:
        if self._error:
            raise self._error
        return cast("T", self._done)


class _Group:
    """Whoever comes first leads: waits for the turn to write, and does what has gathered by then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Job[Any]] = []
        self._is_led = False
        self._led_since = 0.0

    def write(self, sessions: Sessions, work: Callable[[Session], T]) -> T:
        job = _Job(work)
        with self._lock:
            self._waiting.append(job)
            if not self._is_led:
                self._call_leader()
        while not job.called.wait(_LOOK):
            self._give_up_in_vain(job)
        if job.leads:
            self._lead(sessions)
        return job.result()

    def _call_leader(self) -> None:
        self._is_led, self._led_since = bool(self._waiting), time.monotonic()
        if self._waiting:
            self._waiting[0].leads = True
            self._waiting[0].called.set()

    def _lead(self, sessions: Sessions) -> None:
        jobs: list[_Job[Any]] = []
        try:
            with sessions.begin() as session:
                session.connection()  # here it waits for its turn, while others gather
                jobs = self._take()
                for job in jobs:
                    job.run(session)
        except BaseException as error:
            jobs = jobs or self._take()
            for job in jobs:
                job.fail(error)
        with self._lock:
            self._call_leader()
        for job in jobs:
            job.called.set()

    def _take(self) -> list[_Job[Any]]:
        with self._lock:
            jobs, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        return jobs

    def _give_up_in_vain(self, job: _Job[Any]) -> None:
        """As in the queue of those who write: where nothing moves, not all threads of a web server may wait."""
        with self._lock:
            stands_still = time.monotonic() - self._led_since > write_queue.STANDSTILL
            if stands_still and job in self._waiting[write_queue.ORDINARY_PLACES :]:
                self._waiting.remove(job)
                raise OperationalError("BEGIN", None, sqlite3.OperationalError("database is locked"))


_lock = threading.Lock()
_groups: WeakKeyDictionary[Engine, _Group] = WeakKeyDictionary()
