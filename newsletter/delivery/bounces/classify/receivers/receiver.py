"""A receiver's own rules: by what its answers are recognised, and how a reason is found in them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from newsletter.delivery.bounces.classify.wording import separate
from newsletter.delivery.bounces.report import Reason

_Finder = Callable[[str, str], Reason | None]


def by_words(rules: Mapping[Reason, str]) -> _Finder:
    """Finds the first reason of which the answer holds a phrase."""
    table = [(reason, separate(phrases)) for reason, phrases in rules.items()]

    def find(text: str, status: str) -> Reason | None:
        return next((reason for reason, phrases in table if phrases.any_in(text, status)), None)

    return find


def by_codes(pattern: str, codes: Mapping[Reason, str]) -> _Finder:
    """Finds the reason of the code that the pattern finds: the longest beginning of it that the table has counts."""
    table = [(prefix, reason) for reason, prefixes in codes.items() for prefix in prefixes.split()]
    table.sort(key=lambda row: -len(row[0]))
    finder = re.compile(pattern)

    def find(text: str, _status: str) -> Reason | None:
        found = finder.search(text)
        code = "".join(found.groups()) if found else ""
        return next((reason for prefix, reason in table if code and f"{code}.".startswith(prefix)), None)

    return find


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver with rules of its own, and how it is recognised."""

    name: str
    find: _Finder
    hosts: tuple[str, ...]
    """How the names of its servers end."""
    signs: tuple[str, ...] = ()
    """Words that only its answers contain."""

    def matches(self, text: str, mta: str) -> bool:
        """Whether the answer is this receiver's."""
        return mta.endswith(self.hosts) or any(sign in text for sign in self.signs)
