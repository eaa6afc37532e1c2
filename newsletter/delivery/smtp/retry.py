"""Retry back-off: when to try again and when to give up, with chance as an argument."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from newsletter.delivery.smtp import refusals
from newsletter.delivery.smtp.replies import ServerReply

_JITTER = 0.2

# Not about the copy: the server is closing (421), or wants a password or TLS (RFC 4954, 3207).
_SERVER_WIDE = frozenset({421, 530, 534, 535, 538})

# About the whole sender, whatever copy they answer: the server is closing, or an account's quota is used up.
_WHOLE_SENDER = frozenset({421, 454})

# 4.4.5: congestion. 4.7.28: Gmail, an unusual rate. 4.7.500 and 4.7.650: Outlook, busy, and limited.
_RATE_STATUS = frozenset({"4.4.5", "4.7.28", "4.7.500", "4.7.650"})
_RATE_WORDS = re.compile(
    r"throttl|\[tss?[0-9]*\]|slow(ing)? (it )?down|server (is )?(too )?busy"
    r"|\brate[ -]?limit|\brate\b.{0,40}\b(exceed|too|allowed)|\b(exceed|unusual|maximum)\w*\b.{0,40}\brate\b"
    r"|too (fast|quickly|rapidly|frequent)"
    r"|too (many|much) ((concurrent|simultaneous|open|smtp|tcp) )*(connection|session|message|mail|email|request)"
    r"|(unexpected|unusual|high|excessive) ((mail|message|email) )?volume"
    r"|(sending|message|daily|hourly) (quota|limit)",
    re.IGNORECASE,
)

_TOO_MANY_AT_ONCE = re.compile(r"\b(concurrent|simultaneous)\b|too many ((open|smtp|tcp) )*connection", re.IGNORECASE)


class ReplyKind(Enum):
    """What a reply means for the copy it answers."""

    ACCEPTED = auto()
    TRANSIENT = auto()
    PERMANENT = auto()
    SERVER_WIDE = auto()
    """Nothing for this copy: the server is what is wrong."""


def classify(answer: ServerReply) -> ReplyKind:
    """A reply's meaning (RFC 5321, 4.2.1)."""
    if answer.code in _SERVER_WIDE:
        return ReplyKind.SERVER_WIDE
    if answer.code == 552 and answer.status in {None, "5.5.3"} and not refusals.is_too_large(answer):
        # 552 once meant "too many recipients" (RFC 5321, 4.5.3.1.10), so it is worth another try.
        return ReplyKind.TRANSIENT
    if answer.code >= 500:
        return ReplyKind.PERMANENT
    return ReplyKind.ACCEPTED if 200 <= answer.code < 300 else ReplyKind.TRANSIENT


def is_rate_limited(answer: ServerReply) -> bool:
    """Whether a reply asks for a lower rate: it is neither about this reader nor about an outage."""
    if not 400 <= answer.code < 500 or (answer.status or "").startswith("4.2."):
        return False  # 4.2.x: this reader's mailbox, even where it gets mail "at a rate" that is too high
    return answer.status in _RATE_STATUS or _RATE_WORDS.search(answer.text) is not None


def limits_connections(answer: ServerReply) -> bool:
    """Whether a rate-limit reply is about how many connections there are at once, and not about the mail in them."""
    return _TOO_MANY_AT_ONCE.search(answer.text) is not None


def limits_one_group(answer: ServerReply) -> bool:
    """Whether a rate-limit reply to a recipient or a message is about one provider group, not the whole sender."""
    return answer.code not in _WHOLE_SENDER


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """How long to wait after each failed try; past the table's end, give up."""

    waits: tuple[timedelta, ...]

    def after(self, tries: int, chance: float) -> timedelta | None:
        """The wait after so many tries, up to a fifth longer as `chance` (0 to 1) falls; None to give up."""
        if tries > len(self.waits):
            return None
        return self.waits[tries - 1] * (1 + _JITTER * chance)

    def longest(self, tries: int) -> timedelta:
        """The longest wait that there can be after so many tries."""
        return self.waits[tries - 1] * (1 + _JITTER)


def _minutes(*waits: float) -> RetrySchedule:
    return RetrySchedule(tuple(timedelta(minutes=wait) for wait in waits))


COPIES = _minutes(1, 5, 15, 60, 120, 240, 240, 360, 480)
"""For issues: about 25 hours in all, which outlasts a server's bad day."""

LETTERS = _minutes(1 / 12, 1 / 2, 2, 5, 15, 60, 120, 240, 480)
"""For single letters, which a person waits for: at once at first, then about 15 hours in all."""


def outage_wait(failures: int, chance: float, longest: float = 60.0) -> float:
    """Seconds until a server is tried again that could not be used so many times in a row; `longest` before chance."""
    return min(longest, 0.25 * 2.0 ** min(failures, 10)) * (1 + _JITTER * chance)
