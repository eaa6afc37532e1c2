"""Outcomes: the result of one try to send one copy, as the sender hands it to the ledger."""

from datetime import datetime
from typing import NamedTuple, Protocol

from newsletter.characters import as_line
from newsletter.delivery.models import CopyState
from newsletter.delivery.smtp.replies import ServerReply

ABOUT_US = "about the sender"
"""The reason on a copy whose reader had no part in its refusal."""
CANCELLED = "cancelled"
"""The reason on a copy that a person stopped."""


class HeldCopy(Protocol):
    """What the ledger needs to know of a claimed copy."""

    @property
    def id(self) -> int: ...
    @property
    def letter_id(self) -> int: ...
    @property
    def subscription_id(self) -> int: ...
    @property
    def address(self) -> str: ...


class Outcome(NamedTuple):
    """The state that a claimed copy moves to, with the server's reply and the reason that are recorded with it."""

    copy: HeldCopy
    state: CopyState
    """PENDING if the copy is to be sent later."""
    code: int | None = None
    status: str | None = None
    reply: str | None = None
    reason: str | None = None
    not_before: datetime | None = None
    """When to try again. PENDING without it: the copy was not tried, and no attempt is charged."""
    was_begun: bool = False
    """Whether a copy that is to be sent again may have arrived already; it is then noted in `resent`."""
    about_us: bool = False
    """Whether the reply is about the sender, not the reader (`fault`), so that the breaker counts it."""

    after_data: bool = False
    """Whether the answer came after the message, not to its recipient."""

    @property
    def is_of_reader(self) -> bool:
        """Whether the copy has ended unsent because of what a server said of its reader."""
        return self.state in {CopyState.REFUSED, CopyState.FAILED} and self.code is not None and not self.about_us

    @property
    def goes_back(self) -> bool:
        return self.state is CopyState.PENDING


def sent(copy: HeldCopy, answer: ServerReply) -> Outcome:
    """The server accepted the message."""
    return _answered(copy, CopyState.SENT, answer)


def refused(copy: HeldCopy, answer: ServerReply, *, about_us: bool = False) -> Outcome:
    """The server refused the message for good (5xx)."""
    reason = ABOUT_US if about_us else None
    return _answered(copy, CopyState.REFUSED, answer, reason=reason)._replace(about_us=about_us)


def sender_refused(copy: HeldCopy, answer: ServerReply) -> Outcome:
    """The server refused the sender before it heard of the recipient: the copy counts as not tried."""
    return _answered(copy, CopyState.PENDING, answer)._replace(about_us=True)


def undeliverable(copy: HeldCopy, status: str, why: str) -> Outcome:
    """The address cannot be delivered to, so no server was asked; `status` is the enhanced code (RFC 3463) for why."""
    return Outcome(copy, CopyState.REFUSED, status=status, reply=why)


def deferred(copy: HeldCopy, answer: ServerReply, not_before: datetime, *, about_us: bool = False) -> Outcome:
    """The server deferred the message (4xx); it is tried again at `not_before`."""
    return _answered(copy, CopyState.PENDING, answer, not_before=not_before)._replace(about_us=about_us)


def no_answer(copy: HeldCopy, why: str, not_before: datetime) -> Outcome:
    """The try ended without a reply; it is tried again at `not_before`."""
    return Outcome(copy, CopyState.PENDING, reply=why, not_before=not_before)


def doubt_resent(copy: HeldCopy, why: str, not_before: datetime) -> Outcome:
    """The message may have arrived, and IN_DOUBT says to send it again, at `not_before`."""
    return no_answer(copy, why, not_before)._replace(was_begun=True)


def gave_up(copy: HeldCopy, answer: ServerReply) -> Outcome:
    """The server deferred the message, and it was the last try."""
    return _answered(copy, CopyState.FAILED, answer, reason="gave up")


def gave_up_unanswered(copy: HeldCopy, why: str) -> Outcome:
    """The last try ended without a reply, too."""
    return Outcome(copy, CopyState.FAILED, reply=why, reason="gave up")


def not_composed(copy: HeldCopy, error: Exception) -> Outcome:
    """The message could not be composed, which is a fault of ours; the reason names the error's class."""
    return Outcome(
        copy, CopyState.FAILED, reason=f"fault: {type(error).__name__}"[:40], reply=as_line(str(error))[:500]
    )


def in_doubt(copy: HeldCopy, why: str) -> Outcome:
    """The final dot may have been written, and no reply came (RFC 1047): the copy stays in doubt."""
    return Outcome(copy, CopyState.IN_DOUBT, reply=why)


def released(copy: HeldCopy) -> Outcome:
    """The copy was not tried, and is pending again; no attempt is charged."""
    return Outcome(copy, CopyState.PENDING)


def _answered(
    copy: HeldCopy,
    state: CopyState,
    answer: ServerReply,
    *,
    reason: str | None = None,
    not_before: datetime | None = None,
) -> Outcome:
    return Outcome(copy, state, answer.code, answer.status, answer.text, reason, not_before)
