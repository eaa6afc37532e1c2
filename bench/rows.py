"""What a benchmark says: a figure of ours, a reference's from the same run, and what we want to reach."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

RUNS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    ours: str
    reference: str
    ratio: float | None
    reach: str


def median_seconds(act: Callable[[], object], runs: int = RUNS) -> float:
    """The median time of several runs, after one that is not counted."""
    act()
    return statistics.median(_seconds(act) for _ in range(runs))


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
