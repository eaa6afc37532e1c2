"""Reading time: how many words a text has, and how many minutes they take."""

import re

_WORDS_A_MINUTE = 220
_WORD = re.compile(r"\w+(?:['’]\w+)*")
# Where links lead, and the name of a merge field before its fallback.
_UNREAD = re.compile(r"\]\([^()\n]*\)(?:\{[^{}\n]*\})?|https?://\S+|\{\{[^{}|\n]*(?:\||\}\})")


def count_words(body: str) -> int:
    """The words of a Markdown text that are read."""
    return len(_WORD.findall(_UNREAD.sub(" ", body)))


def minutes(words: int) -> int:
    """The minutes that so many words take, at least one."""
    return max(1, round(words / _WORDS_A_MINUTE))
