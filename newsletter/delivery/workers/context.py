"""What a job has to know of the worker that runs it, and how it goes on when one of several things fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog

from newsletter.db import AWAY

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Which worker runs a job, by which clock, and whether it has been asked to stop."""

    name: str
    clock: Callable[[], datetime]
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
