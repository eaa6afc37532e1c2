"""The points of charts that the server draws, in a box of 100 by 30."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 100.0, 30.0
_TOP = 2.0
_GAP = 0.25
"""Of a column's place, the part that stays free."""


class Column(NamedTuple):
    """A column of a chart."""

    x: float
    y: float
    width: float
    height: float


def line(values: Sequence[int]) -> str:
    """The points of a line through these values, on a scale that begins at 0."""
    steps = max(len(values) - 1, 1)
    return " ".join(f"{WIDTH * place / steps:.1f},{_y(value, values):.1f}" for place, value in enumerate(values))


def columns(values: Sequence[int]) -> list[Column]:
    """A column for each value, on a scale that begins at 0."""
    place = WIDTH / max(len(values), 1)
    tops = [_y(value, values) for value in values]
    return [
        Column(round(place * (at + _GAP / 2), 2), round(top, 2), round(place * (1 - _GAP), 2), round(HEIGHT - top, 2))
        for at, top in enumerate(tops)
    ]


def _y(value: int, values: Sequence[int]) -> float:
    return HEIGHT - (HEIGHT - _TOP) * value / max([1, *values])
