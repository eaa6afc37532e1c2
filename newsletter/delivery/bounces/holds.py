"""Holds: a provider that calls many readers unknown at once may be wrong, so an editor decides about them.

So may a name server that does not know its host any more.

more than 3 % of its copies, and at least 20, within an hour ── open: what it says so waits
an editor suppresses them, or keeps them                     ── closed
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, String, func, or_, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.addresses import provider_groups
from newsletter.db import UNSYNCED, Base, LongId, insert, partial_index
from newsletter.delivery.bounces import policy
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.policy import Decision
from newsletter.delivery.bounces.report import Hardness, Kind

SPAN = timedelta(hours=1)
_OPEN = text("bounce_holds.closed_at IS NULL")


class ProviderHold(Base):
    """A provider whose reports of unknown readers wait for an editor's decision."""

    __tablename__ = "bounce_holds"
    __table_args__ = (partial_index("uq_bounce_holds_open", "provider_group", unique=True, where="closed_at IS NULL"),)

    id: Mapped[LongId]
    provider_group: Mapped[str] = mapped_column(String(253))
    opened_at: Mapped[datetime]
    unknown: Mapped[int]
    """How many readers it had called unknown within the hour; `copies` is how many copies it got."""
    copies: Mapped[int]
    closed_at: Mapped[datetime | None]

    @property
    def provider(self) -> str:
        """The provider, as people call it."""
        return provider_groups.display_name(self.provider_group)


class Suspect(NamedTuple):
    """A provider that called at least 20 readers unknown within the hour, and of which letters they were."""

    provider_group: str
    unknown: int
    letter_ids: Sequence[int]


def is_held(session: Session, provider_group: str) -> bool:
    """Whether an editor has to decide about the readers whom this provider calls unknown."""
    mine = select(ProviderHold.id).where(_OPEN, ProviderHold.provider_group == provider_group)
    return session.scalar(mine.limit(1)) is not None


def suspects(session: Session, now: datetime) -> list[Suspect]:
    """The providers that call many readers unknown, are not held, and were not decided about within the hour."""
    conditions = _unknown_since(now - SPAN)
    on_hold = select(ProviderHold.provider_group).where(or_(_OPEN, ProviderHold.closed_at.between(now - SPAN, now)))
    counted = select(BounceEvent.provider_group, func.count(BounceEvent.key.distinct())).where(*conditions)
    grouped = counted.where(BounceEvent.provider_group.not_in(on_hold)).group_by(BounceEvent.provider_group)
    many = grouped.having(func.count(BounceEvent.key.distinct()) >= policy.FAILING_AT_LEAST)
    return [Suspect(group, count, _letters(session, group, conditions)) for group, count in session.execute(many).all()]


def _letters(session: Session, group: str, conditions: Sequence[ColumnElement[bool]]) -> list[int]:
    theirs = select(BounceEvent.letter_id).distinct().where(*conditions, BounceEvent.provider_group == group)
    return [letter_id for letter_id in session.scalars(theirs) if letter_id is not None]


def open_hold(session: Session, suspect: Suspect, copies: int, now: datetime) -> bool:
    """Hold a provider's reports; False if somebody else has just done so."""
    values = {"provider_group": suspect.provider_group, "opened_at": now, "unknown": suspect.unknown, "copies": copies}
    row = insert(session, ProviderHold).values(values).on_conflict_do_nothing().returning(ProviderHold.id)
    return session.scalar(row) is not None


def suppressed_before(session: Session, most: int) -> Sequence[BounceEvent]:
    """Some events that suppressed somebody within the hour before their provider was held."""
    found: list[BounceEvent] = []
    for hold in session.scalars(select(ProviderHold).where(_OPEN)).all():
        conditions = (*_unknown_since(hold.opened_at - SPAN), BounceEvent.provider_group == hold.provider_group)
        mine = select(BounceEvent).where(*conditions, BounceEvent.received_at <= hold.opened_at)
        mine = mine.where(BounceEvent.decision == Decision.SUPPRESSED).order_by(BounceEvent.id)
        found += session.scalars(mine.limit(most)).all()
    return found


def open_holds(session: Session) -> Sequence[tuple[ProviderHold, int]]:
    """Every hold that is open, the oldest first, each with how many readers wait."""
    waiting = select(func.count(BounceEvent.key.distinct())).where(
        text("bounce_events.decision = 'held'"), BounceEvent.provider_group == ProviderHold.provider_group
    )
    found = select(ProviderHold, waiting.scalar_subquery()).where(_OPEN).order_by(ProviderHold.id)
    return [(hold, count) for hold, count in session.execute(found)]


def held_events(session: Session, provider_group: str, most: int) -> Sequence[BounceEvent]:
    """Some of the events that wait for an editor, oldest first."""
    mine = select(BounceEvent).where(text("bounce_events.decision = 'held'"))
    return session.scalars(
        mine.where(BounceEvent.provider_group == provider_group).order_by(BounceEvent.id).limit(most)
    ).all()


def close_hold(session: Session, provider_group: str, now: datetime) -> bool:
    """Close a hold that an editor has decided about; whether there was one."""
    mine = update(ProviderHold).where(_OPEN, ProviderHold.provider_group == provider_group).values(closed_at=now)
    return session.scalar(mine.returning(ProviderHold.id), execution_options=UNSYNCED) is not None


def _unknown_since(since: datetime) -> tuple[ColumnElement[bool], ...]:
    is_unknown = BounceEvent.reason.in_(policy.NO_SUCH) & (BounceEvent.hardness == Hardness.HARD)
    return BounceEvent.received_at > since, BounceEvent.kind == Kind.BOUNCE, is_unknown, BounceEvent.key != ""
