"""Group commit: of concurrent writers, one does the work of all in a single transaction.

SQLite has one writer at a time, and each commit waits for the disk. While a writer waits for its turn, others add
their work; it runs in the same transaction, and is synced once. Each writer returns only when its work is on the disk.

A savepoint for each part would be a fifth of a sign-up's work, and with one for all, SQLite would keep a copy of each
page that they change. So there is none; only where a part fails are all undone, and run again apart.
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

from newsletter.db import AWAY, Sessions, write_queue

T = TypeVar("T")

MOST = 32
"""How many share a transaction, so that other writers need not wait long."""

_LOOK = 0.1


def write(sessions: Sessions, work: Callable[[Session], T]) -> T:
    """Do this in a transaction that others may share; an exception undoes only its own part, and is raised here.

    `work` may run twice, with its first run undone, so it must change nothing outside the session.
    """
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
        self._done = self._work(session)

    def run_apart(self, session: Session) -> None:
        try:
            with session.begin_nested():
                self.run(session)
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
    """The first writer leads: it waits for the turn to write, and does all the work gathered by then."""

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
                session.connection()  # it waits here for its turn, while others add their work
                jobs = self._take()
                for job in jobs:
                    job.run(session)
        except BaseException as error:
            jobs = jobs or self._take()
            if len(jobs) > 1 and isinstance(error, Exception) and not isinstance(error, AWAY):
                _run_apart(sessions, jobs)
            else:
                _fail(jobs, error)
        with self._lock:
            self._call_leader()
        for job in jobs:
            job.called.set()

    def _take(self) -> list[_Job[Any]]:
        with self._lock:
            jobs, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        return jobs

    def _give_up_in_vain(self, job: _Job[Any]) -> None:
        """As in the write queue: where nothing moves, not all threads of a web server may wait."""
        with self._lock:
            stands_still = time.monotonic() - self._led_since > write_queue.STANDSTILL
            if stands_still and job in self._waiting[write_queue.ORDINARY_PLACES :]:
                self._waiting.remove(job)
                raise OperationalError("BEGIN", None, sqlite3.OperationalError("database is locked"))


def _run_apart(sessions: Sessions, jobs: list[_Job[Any]]) -> None:
    try:
        with sessions.begin() as session:
            for job in jobs:
                job.run_apart(session)
    except BaseException as error:
        _fail(jobs, error)


def _fail(jobs: list[_Job[Any]], error: BaseException) -> None:
    for job in jobs:
        job.fail(error)


_lock = threading.Lock()
_groups: WeakKeyDictionary[Engine, _Group] = WeakKeyDictionary()
