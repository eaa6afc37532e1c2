"""Findings: the level, the place, what is wrong, why it matters, and how to fix it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How serious a finding is; only `blocking` stops an issue."""

    BLOCKING = "blocking"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a rule; `line` and `column` count from 1, the line from the top of the issue's file.

    `why`, `source` and `rule` describe the rule, and are filled in by the registry.
    """

    level: Level
    message: str
    mend: str = ""
    line: int | None = None
    column: int | None = None
    why: str = ""
    source: str = ""
    rule: str = ""

    def __str__(self) -> str:
        place = f" (line {self.line})" if self.line else ""
        return f"{self.level.value}: {'; '.join(filter(None, (self.message, self.mend)))}{place}"


def blocking(message: str, mend: str, line: int | None = None, column: int | None = None) -> Finding:
    """A finding that stops the issue."""
    return Finding(Level.BLOCKING, message, mend, line, column)


def warning(message: str, mend: str, line: int | None = None, column: int | None = None) -> Finding:
    """A finding to look at before the issue goes out."""
    return Finding(Level.WARNING, message, mend, line, column)


def note(message: str, mend: str, line: int | None = None, column: int | None = None) -> Finding:
    """A finding that an editor may want to know about."""
    return Finding(Level.NOTE, message, mend, line, column)
