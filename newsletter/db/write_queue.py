"""A fair queue for SQLite's single writer: within a process, writers take turns in order of arrival.

SQLite itself lets each writer try again after a pause that grows to a tenth of a second. Under load some of them would
fail for many seconds, and they could occupy all threads of a web server.
"""

import sqlite3
import threading
import time
from collections import deque

LONGEST_WAIT = 15.0
"""Seconds until a writer gives up."""
LONGEST_URGENT_WAIT = 60.0
"""The same for urgent writes, which nobody repeats."""
STANDSTILL = 0.5
"""Seconds of one turn after which writers beyond their `PLACES` give up, so that not all threads wait."""
PLACES = 28
"""How many of the web server's 32 threads may wait."""
URGENT_PLACES = 4
"""How many of these are reserved for urgent writes, which may use the others as well."""
ORDINARY_PLACES = PLACES - URGENT_PLACES
"""How many of these other writes may use."""

_LOOK = 0.1
# Only the first in the queue asks SQLite, so it may ask often; another process may hold the lock.
_NAPS = (0.0005, 0.002, 0.005)
_TRIES_EACH = 50


class WriteQueue:
    """A turn is taken to begin a writing transaction, and passed on when it ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._urgent: deque[threading.Event] = deque()
        self._others: deque[threading.Event] = deque()
        self._is_taken = False
        self._taken_at = 0.0
        self._writer: sqlite3.Connection | None = None

    def begin(self, connection: sqlite3.Connection, *, urgent: bool) -> None:
        """Begin a writing transaction when it is this connection's turn; OperationalError if that takes too long."""
        deadline = time.monotonic() + (LONGEST_URGENT_WAIT if urgent else LONGEST_WAIT)
        self._wait(deadline, urgent=urgent)
        try:
            connection.execute("PRAGMA busy_timeout = 0")
            try:
                self.begin_out_of_turn(connection, deadline - time.monotonic())
            finally:
                connection.execute(f"PRAGMA busy_timeout = {LONGEST_WAIT * 1000:.0f}")
        except BaseException:
            self._pass_on()
            raise
        self._writer = connection

    @staticmethod
    def begin_out_of_turn(connection: sqlite3.Connection, longest: float) -> None:
        """Begin a writing transaction, whoever's turn it is; OperationalError if that takes `longest` seconds.

        The connection itself must wait for nobody (`busy_timeout = 0`).
        """
        deadline = time.monotonic() + longest
        tries = 0
        while not _is_begun(connection):
            if time.monotonic() > deadline:
                raise sqlite3.OperationalError("database is locked")
            time.sleep(_NAPS[min(tries // _TRIES_EACH, len(_NAPS) - 1)])
            tries += 1

    def end(self, connection: sqlite3.Connection) -> None:
        """Pass the turn on, if it is this connection's; otherwise no effect."""
        if self._writer is connection:
            self._writer = None
            self._pass_on()

    def _wait(self, deadline: float, *, urgent: bool) -> None:
        mine, queue = threading.Event(), self._urgent if urgent else self._others
        with self._lock:
            if not self._is_taken:
                self._take()
                return
            queue.append(mine)
        while not mine.wait(0 if self._is_in_vain(queue, urgent=urgent) else _LOOK):
            with self._lock:
                if mine.is_set():
                    return
                too_far_back = self._stands_still() and queue.index(mine) >= self._places(urgent=urgent)
                if too_far_back or time.monotonic() > deadline:
                    queue.remove(mine)
                    raise sqlite3.OperationalError("database is locked")

    def _is_in_vain(self, queue: deque[threading.Event], *, urgent: bool) -> bool:
        return len(queue) > self._places(urgent=urgent) and self._stands_still()

    def _places(self, *, urgent: bool) -> int:
        return PLACES if urgent else PLACES - max(URGENT_PLACES, len(self._urgent))

    def _stands_still(self) -> bool:
        return time.monotonic() - self._taken_at > STANDSTILL

    def _take(self) -> None:
        self._is_taken, self._taken_at = True, time.monotonic()

    def _pass_on(self) -> None:
        with self._lock:
            self._is_taken = False
            waiting = self._urgent or self._others
            if waiting:
                self._take()
                waiting.popleft().set()


def _is_begun(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
