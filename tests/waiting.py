"""Waiting in a test for what is to happen, and never for a time."""

import time
from collections.abc import Callable

PATIENCE = 110
"""Seconds that something may take on a machine that is busy with other things."""


def wait_for(holds: Callable[[], object]) -> None:
    """Wait until this holds, however slow the machine is."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)
