"""Outcomes: what became of one try to send one copy, as the sender hands it to the ledger."""

from datetime import datetime
from typing import NamedTuple, Protocol

from newsletter.characters import as_header
from newsletter.delivery.models import CopyState
from newsletter.delivery.smtp.replies import ServerReply

ABOUT_US = "about the sender"
"""The reason on a copy whose reader had no part in its refusal."""
CANCELLED = "cancelled"
"""The reason on a copy that a person stopped."""


class HeldCopy(Protocol):
    """A copy that this worker holds."""

    @property
    def id(self) -> int: ...
    @property
    def letter_id(self) -> int: ...
    @property
    def subscription_id(self) -> int: ...
    @property
    def address(self) -> str: ...


class Outcome(NamedTuple):
    """Where a claimed copy goes, and the words that go with it."""

    copy: HeldCopy
    state: CopyState
    """PENDING when it goes back among those to be sent."""
    code: int | None = None
    status: str | None = None
    reply: str | None = None
    reason: str | None = None
    not_before: datetime | None = None
    """When to try again; a copy that goes back without it was not tried, and is charged no attempt."""
    was_begun: bool = False
    """Whether it goes back although it may have arrived: then it is noted that it is sent again (`resent`)."""
    about_us: bool = False
    """Whether the answer says nothing of the reader (`refusals`), so that the breaker counts it."""

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
    """The server took it."""
    return _answered(copy, CopyState.SENT, answer)


def refused(copy: HeldCopy, answer: ServerReply, *, about_us: bool = False) -> Outcome:
    """The server will never take it (5xx)."""
    reason = ABOUT_US if about_us else None
    return _answered(copy, CopyState.REFUSED, answer, reason=reason)._replace(about_us=about_us)


def sender_refused(copy: HeldCopy, answer: ServerReply) -> Outcome:
    """The server would not even hear for whom it is: the copy was not tried."""
    return _answered(copy, CopyState.PENDING, answer)._replace(about_us=True)


def undeliverable(copy: HeldCopy, status: str, why: str) -> Outcome:
    """No server was asked, for none could take it; `status` is the enhanced code (RFC 3463) that tells why."""
    return Outcome(copy, CopyState.REFUSED, status=status, reply=why)


def deferred(copy: HeldCopy, answer: ServerReply, not_before: datetime, *, about_us: bool = False) -> Outcome:
    """It was tried in vain, and is tried again at that moment."""
    return _answered(copy, CopyState.PENDING, answer, not_before=not_before)._replace(about_us=about_us)


def no_answer(copy: HeldCopy, why: str, not_before: datetime) -> Outcome:
    """It was tried, the server said nothing to it, and it is tried again at that moment."""
    return Outcome(copy, CopyState.PENDING, reply=why, not_before=not_before)


def doubt_resent(copy: HeldCopy, why: str, not_before: datetime) -> Outcome:
    """It is in doubt, and sent again at that moment all the same."""
    return no_answer(copy, why, not_before)._replace(was_begun=True)


def gave_up(copy: HeldCopy, answer: ServerReply) -> Outcome:
    """It was put off once too often."""
    return _answered(copy, CopyState.FAILED, answer, reason="gave up")


def gave_up_unanswered(copy: HeldCopy, why: str) -> Outcome:
    """No server ever answered to it, however often it was tried."""
    return Outcome(copy, CopyState.FAILED, reply=why, reason="gave up")


def not_composed(copy: HeldCopy, error: Exception) -> Outcome:
    """It could not be made into a message; a fault of ours, told by the error's name."""
    return Outcome(
        copy, CopyState.FAILED, reason=f"fault: {type(error).__name__}"[:40], reply=as_header(str(error))[:500]
    )


def in_doubt(copy: HeldCopy, why: str) -> Outcome:
    """Its final dot may have been written, and nobody answered (RFC 1047)."""
    return Outcome(copy, CopyState.IN_DOUBT, reply=why)


def released(copy: HeldCopy) -> Outcome:
    """It was not tried, through no fault of its own."""
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
