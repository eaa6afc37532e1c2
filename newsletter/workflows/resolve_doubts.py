"""Resolve doubts: a person decides what happens to copies whose server answer was lost.

It reads the copies from delivery, and from audience whether their readers are still subscribed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.addresses import mailboxes
from newsletter.audience.models import Status, Subscription
from newsletter.delivery.bounces import suppression
from newsletter.delivery.ledger import doubts
from newsletter.delivery.models import Copy, Letter, LetterState
from newsletter.errors import Conflict, NotFound

_MAY_RUN = {LetterState.RUNNING, LetterState.PAUSED, LetterState.FINISHED}


class Decision(StrEnum):
    """A decision about a copy in doubt."""

    RESEND = "resend"
    """Send it again with the same Message-ID: a mail program may show it once or twice."""
    SENT = "sent"
    """It was found in the mail server's log."""
    LEAVE = "leave"
    """It stays unknown, and is not sent again."""


_WORDS = {Decision.SENT: "found to be sent", Decision.LEAVE: "left in doubt"}


@dataclass(frozen=True, slots=True)
class Resolution:
    """The result of a decision."""

    copies: Sequence[int]
    """The copies that were changed."""
    spared: dict[int, str] = field(default_factory=dict)
    """Copies that were not resent because their reader has left, each with the reason."""


def resolve(
    session: Session, letter: Letter | None, decision: Decision, now: datetime, ids: Collection[int] = ()
) -> Resolution:
    """Apply a decision to all of a letter's copies in doubt, or to these; Conflict or NotFound if it cannot."""
    if letter is None or letter.started_at is None:
        raise Conflict("it has not started to go out, so no copies are in doubt")
    if decision is Decision.RESEND:
        return _resend(session, letter, ids, now)
    found = _chosen(session, letter.id, ids)
    return Resolution(doubts.record_decision(session, letter.id, [copy.id for copy in found], _WORDS[decision], now))


def _resend(session: Session, letter: Letter, ids: Collection[int], now: datetime) -> Resolution:
    # An unsubscribe from here on waits, and then finds the copy and skips it.
    publications.block_unsubscribes(session, letter.publication_id)
    if doubts.lock_state(session, letter.id) not in _MAY_RUN:
        raise Conflict(
            "it is cancelled, so nothing of it is sent again; mark its copies in doubt as sent, or leave them"
        )
    found = _chosen(session, letter.id, ids)
    spared = _spared(session, found)
    for copy_id, why in spared.items():
        doubts.record_decision(session, letter.id, [copy_id], f"not sent again, {why}", now)
    resent = doubts.send_again(session, letter.id, [copy.id for copy in found if copy.id not in spared], now)
    session.expire(letter)
    return Resolution(resent, spared)


def _chosen(session: Session, letter_id: int, ids: Collection[int]) -> list[Copy]:
    open_ones = list(session.scalars(doubts.undecided(letter_id)))
    if unknown := set(ids) - {copy.id for copy in open_ones}:
        named = ", ".join(map(str, sorted(unknown)))
        raise NotFound(f"not among the copies in doubt: copy {named}; look at the list again")
    return [copy for copy in open_ones if not ids or copy.id in ids]


def _spared(session: Session, copies: Sequence[Copy]) -> dict[int, str]:
    """The copies that may not be sent again, each with the reason."""
    wanted = select(Subscription.id, Subscription.status)
    wanted = wanted.where(Subscription.id.in_({copy.subscription_id for copy in copies}))
    standing = dict(session.execute(wanted).all())
    barred = suppression.suppressed_keys(session, {mailboxes.mailbox_key(copy.address) for copy in copies})
    spared: dict[int, str] = {}
    for copy in copies:
        status = standing.get(copy.subscription_id)
        if status is not Status.ACTIVE:
            spared[copy.id] = status.value if status else "erased"
        elif mailboxes.mailbox_key(copy.address) in barred:
            spared[copy.id] = "suppressed"
    return spared
