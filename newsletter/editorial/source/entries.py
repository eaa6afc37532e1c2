"""The entries of front matter, and what is wrong in an issue's source, each with its line."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """An error in an issue's source and how to correct it; `line` counts from 1, None if it is on no line."""

    line: int | None
    text: str
    can_wait: bool = False
    """Whether the desk may still save the text: only its title, subject or body has yet to be written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value: text, a list of entries, or entries by key; an empty text for null."""

    line: int
    value: "str | list[Entry] | dict[str, Entry]"
