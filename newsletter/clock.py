"""The time, read by the doors only (web, worker, command line); whatever lies below them is given it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the time whenever it is asked; tests set one."""


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)
