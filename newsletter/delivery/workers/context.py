"""What a job of a worker has to know of the worker that runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Which worker runs a job, by which clock, and whether it has been asked to stop."""

    name: str
    clock: Callable[[], datetime]
    is_stopping: Callable[[], bool] = lambda: False
