"""What preflight says: how much it weighs, where it stands, what is wrong, why that matters, and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding weighs; only `blocking` stops an issue."""

    BLOCKING = "blocking"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that preflight noticed; `line` and `column` count from 1, the line from the top of the issue's file.

    `why`, `source` and `rule` are the rule's own; the rulebook fills them in.
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
    """What stops the issue."""
    return Finding(Level.BLOCKING, message, mend, line, column)


def warning(message: str, mend: str, line: int | None = None, column: int | None = None) -> Finding:
    """What is worth a look before it goes out."""
    return Finding(Level.WARNING, message, mend, line, column)


def note(message: str, mend: str, line: int | None = None, column: int | None = None) -> Finding:
    """What an editor may want to know."""
    return Finding(Level.NOTE, message, mend, line, column)
