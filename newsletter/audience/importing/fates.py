"""What became of one row of an imported list."""

from typing import NamedTuple


class RowFate(NamedTuple):
    """What becomes of one row, and why."""

    line: int
    email: str
    fate: str
    status: str
    reason: str
