"""Failures: what went wrong with a letter's copies, grouped by the servers' replies.

The copies of each reply code are counted in SQL. Its wordings are read from the first two thousand copies of a state,
because removing what differs between two replies (addresses, queue ids) is not possible in SQL.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import REPORTED, Copy, CopyState

_ORDER = (CopyState.IN_DOUBT, CopyState.REFUSED, CopyState.FAILED, CopyState.PENDING, CopyState.SKIPPED)
_SAMPLE = 2_000
_MOST_WORDINGS = 6
_EXAMPLES = 3
_LONGEST = 160
_UNSAID = "-"

# What differs from copy to copy: email and network addresses, and words or numbers with several digits.
_VARIES = re.compile(
    r"""<?[^\s<>"'(),;:]+@[^\s<>"'(),;:]+>?
      | \[?(?:[0-9]{1,3}\.){3}[0-9]{1,3}\]?
      | \[?(?:IPv6:)?(?:[0-9a-f]{0,4}:){3,}[0-9a-f]*\]?
      | (?<![\w.])(?=[\w.=+/-]*[0-9][\w.=+/-]*[0-9][\w.=+/-]*[0-9])[\w.=+/-]{3,}""",
    re.VERBOSE | re.IGNORECASE,
)
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?=\s|$)")
_SAID = re.compile(r"(?:([0-9]{3})(?: |$))?([0-9.]{1,12})?")


class Wording(NamedTuple):
    """A wording of a reply."""

    words: str
    copies: int
    domains: Sequence[str]
    """The domain that it came from most often."""


@dataclass(frozen=True, slots=True)
class Failure:
    """All copies in a state with the same reply code."""

    state: CopyState
    code: int | None
    status: str | None
    reason: str | None
    copies: int
    wordings: Sequence[Wording] = ()
    """The most frequent ones among the copies that were read."""
    is_read: bool = True
    """Whether all of its copies were read for the wordings."""

    @property
    def reply_code(self) -> str:
        """The reply code for a URL parameter: `550 5.1.1`, `5.1.1`, or `-` without a reply."""
        return " ".join(filter(None, (str(self.code or ""), self.status))) or _UNSAID


def list_failures(session: Session, letter_id: int) -> list[Failure]:
    """The failures of a letter: in doubt first, then refused, given up, deferred and skipped."""
    answers = Copy.state, Copy.code, Copy.status, Copy.reason
    grouped = select(*answers, func.count()).where(Copy.letter_id == letter_id, REPORTED).group_by(*answers)
    found = [Failure(*row) for row in session.execute(grouped).all()]
    read = {
        state: _wordings(session, letter_id, state) for state in {each.state for each in found} - {CopyState.SKIPPED}
    }
    worded = [_worded(each, read.get(each.state, {})) for each in found]
    return sorted(worded, key=lambda each: (_ORDER.index(each.state), -each.copies, each.reply_code, each.reason or ""))


def parse_reply_code(text: str) -> tuple[int | None, str | None]:
    """The code and the enhanced code of `Failure.reply_code`; None for each that is missing."""
    found = _SAID.fullmatch(text)
    return (int(found[1]) if found[1] else None, found[2]) if found else (None, None)


@lru_cache(maxsize=4_096)
def normalized_reply(reply: str) -> str:
    """A reply without what differs from reader to reader."""
    words = _VARIES.sub("…", _STATUS.sub("", reply[: 4 * _LONGEST]))
    words = " ".join("".join(each if each.isprintable() else " " for each in words).split()).strip(" -;:,")
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1].rstrip()}…"


def _wordings(session: Session, letter_id: int, state: CopyState) -> dict[tuple[object, ...], list[Wording]]:
    """The wordings of each reply in a state, most frequent first."""
    some = select(Copy.code, Copy.status, Copy.reason, Copy.reply, Copy.address)
    some = some.where(Copy.letter_id == letter_id, REPORTED, Copy.state == state).order_by(Copy.id).limit(_SAMPLE)
    by_answer: dict[tuple[object, ...], dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for code, status, reason, reply, address in session.execute(some):
        by_answer[code, status, reason][normalized_reply(reply or "")][address.rpartition("@")[2].lower()] += 1
    return {
        answer: sorted(map(_wording, words.items()), key=lambda each: -each.copies)
        for answer, words in by_answer.items()
    }


def _wording(counted: tuple[str, Counter[str]]) -> Wording:
    words, domains = counted
    return Wording(words, domains.total(), [domain for domain, _ in domains.most_common(_EXAMPLES) if domain])


def _worded(found: Failure, read: dict[tuple[object, ...], list[Wording]]) -> Failure:
    mine: Iterable[Wording] = read.get((found.code, found.status, found.reason), ())
    wordings = list(mine)
    is_read = sum(each.copies for each in wordings) >= found.copies or not read
    return Failure(
        found.state, found.code, found.status, found.reason, found.copies, wordings[:_MOST_WORDINGS], is_read
    )
