"""Breaker on confirmation emails: it opens when too many of them come back, and only a person closes it.

    of those sent within an hour, at least five and more than a fifth came back ── open: sign-ups are slowed, in all
    an editor goes on                                                          ── closed; emails sent since count anew

Came back means what suppressed the address: a hard bounce or a complaint. What servers say about *us* is left to the
breakers of delivery, and a provider that is probably wrong to an editor; neither opens this one.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.audience import emails
from newsletter.audience.models import hour_of
from newsletter.db import UNSYNCED, Base, insert
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.policy import Decision
from newsletter.delivery.models import OutboxMessage, OutboxState

AN_HOUR = 30
"""How many sign-ups an hour are accepted, in all, while it is open."""
REMEDY = (
    "Readers shows which sign-ups were refused, and its list of suppressed addresses shows who complained or could not "
    "be reached. Once the flood is over, let sign-ups through again under Readers."
)
# About one address in twenty is mistyped. Five in fewer than 25 are hardly chance, and one person alone is no pattern.
_AT_LEAST = 5
_SHARE = 0.2
# Most bounces come within minutes, complaints within hours.
_HEARD_WITHIN = timedelta(days=1)
_KINDS = ("confirm", emails.REMINDER)


class ConfirmTrip(Base):
    """An opening of the breaker, for the confirmation emails that were sent within one hour."""

    __tablename__ = "confirm_trips"

    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """When they were sent (`hour_of`)."""
    opened_at: Mapped[datetime]
    sent: Mapped[int]
    returned: Mapped[int]
    closed_at: Mapped[datetime | None]

    @property
    def explanation(self) -> str:
        """What it does and why, in sentences for editors."""
        return (
            "Too many of the addresses that were signed up do not exist, or their owners complained, so bots are "
            "probably signing them up. To protect your standing with mail providers, every sign-up now needs a proof "
            f"that no bot sent it, and at most {AN_HOUR} an hour are accepted. Readers and issues are not affected."
        )


def open_trip(session: Session) -> ConfirmTrip | None:
    """The trip that holds the breaker open; None while it is closed."""
    return session.scalar(select(ConfirmTrip).where(ConfirmTrip.closed_at.is_(None)).limit(1))


def find_trip(session: Session, now: datetime) -> ConfirmTrip | None:
    """A trip to record, if the breaker is closed and too many emails came back; the fullest hour counts."""
    if open_trip(session):
        return None
    since = max(now - _HEARD_WITHIN, session.scalar(select(func.max(ConfirmTrip.closed_at))) or now - _HEARD_WITHIN)
    for hour, returned in _returned_by_hour(session, since).most_common():
        if returned < _AT_LEAST:
            break
        sent = _count_sent(session, hour, since)
        if returned > _SHARE * sent:
            return ConfirmTrip(hour=hour, opened_at=now, sent=sent, returned=returned)
    return None


def record_trip(session: Session, trip: ConfirmTrip) -> bool:
    """Open the breaker, again for an hour that had opened it and was closed before; False if another worker did so."""
    values = {name: getattr(trip, name) for name in ("hour", "opened_at", "sent", "returned")}
    row = insert(session, ConfirmTrip).values(values)
    # If an editor closed it after this trip was found, it stays closed.
    row = row.on_conflict_do_update(
        index_elements=["hour"], set_=values | {"closed_at": None}, where=ConfirmTrip.closed_at < trip.opened_at
    )
    return session.scalar(row.returning(ConfirmTrip.hour), execution_options=UNSYNCED) is not None


def close(session: Session, now: datetime) -> bool:
    """Close the breaker; whether it was open."""
    opened = update(ConfirmTrip).where(ConfirmTrip.closed_at.is_(None)).values(closed_at=now)
    return bool(session.scalars(opened.returning(ConfirmTrip.hour), execution_options=UNSYNCED).all())


def _returned_by_hour(session: Session, since: datetime) -> Counter[int]:
    heard = select(BounceEvent.outbox_id).where(BounceEvent.received_at > since, BounceEvent.outbox_id.is_not(None))
    suppressing = heard.where(BounceEvent.decision == Decision.SUPPRESSED)
    back = select(OutboxMessage.ended_at).where(OutboxMessage.id.in_(suppressing))
    back = back.where(OutboxMessage.kind.in_(_KINDS), OutboxMessage.ended_at > since)
    return Counter(hour_of(ended_at) for ended_at in session.scalars(back) if ended_at)


def _count_sent(session: Session, hour: int, since: datetime) -> int:
    begin = datetime.fromtimestamp(hour * 3600, UTC)
    sent = select(func.count()).where(OutboxMessage.kind.in_(_KINDS), OutboxMessage.ended_at > since)
    sent = sent.where(OutboxMessage.ended_at >= begin, OutboxMessage.ended_at < begin + timedelta(hours=1))
    return session.scalar(sent.where(OutboxMessage.state.in_((OutboxState.SENT, OutboxState.FAILED)))) or 0
