"""What a job has to know of the worker that runs it, and how it goes on when one of several things fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog

from newsletter.clock import Clock
from newsletter.db import AWAY, Session, Sessions

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Which worker runs a job, by which clock, and whether it has been asked to stop."""

    name: str
    clock: Clock
    is_stopping: Callable[[], bool] = lambda: False


@contextmanager
def set_aside(what: str, which: object) -> Iterator[None]:
    """Log what fails in the block, so that a job goes on with the others; a database that is away still raises."""
    try:
        yield
    except AWAY:
        raise
    except Exception:
        log.exception(f"{what} failed, and the others go on", which=which)


def run_in_groups(
    sessions: Sessions,
    worker: WorkerContext,
    act: Callable[[Session, datetime], int],
    is_due: Callable[[Session, datetime], object] | None = None,
) -> None:
    """Run an act, if it `is_due`, until it says that it did nothing, each time in its own transaction."""
    is_left = is_due is None or has_work(sessions, worker, is_due)
    while is_left and not worker.is_stopping():
        with sessions.in_turn() as session:
            is_left = act(session, worker.clock()) > 0


def has_work(sessions: Sessions, worker: WorkerContext, check: Callable[[Session, datetime], object]) -> bool:
    """Whether a check finds something to do."""
    # In a reading session, because a check that mostly finds nothing should not block writers.
    with sessions.reading() as session:
        return bool(check(session, worker.clock()))
