"""Why readers unsubscribed, in their own words."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session, aliased

from newsletter.audience.models import Act, ConsentEvent, Subscription
from newsletter.pagination import Order, Page, PageRequest

# Written out, because neither database matches a parameter to a partial index.
_EXPLAINED = text("consent_events.act = 'explained'")


class LeavingReason(NamedTuple):
    """What a reader said, and how they had left before they said it."""

    event: ConsentEvent
    left: ConsentEvent
    subscription: Subscription


_NEWEST_FIRST: Order[LeavingReason] = Order((ConsentEvent.id,), lambda reason: reason.event.id)


def reasons_page(session: Session, publication_id: int, turn: PageRequest, size: int) -> Page[LeavingReason]:
    """A page of the reasons for leaving a publication, newest first."""
    # Without + 0, SQLite begins with all of the publication's subscriptions, not with the few reasons.
    theirs = _reasons().where(Subscription.publication_id + 0 == publication_id)
    return _NEWEST_FIRST.page(lambda some: [LeavingReason(*row) for row in session.execute(some)], theirs, turn, size)


def reasons_by_event(session: Session, lefts: Collection[ConsentEvent]) -> dict[int, str]:
    """The reasons given for these unsubscribes, by the id of the consent event that records each."""
    theirs = _reasons().where(ConsentEvent.subscription_id.in_([left.subscription_id for left in lefts]))
    return {left.id: event.note or "" for event, left, _ in session.execute(theirs)}


def _reasons() -> Select[ConsentEvent, ConsentEvent, Subscription]:
    earlier, left = aliased(ConsentEvent), aliased(ConsentEvent)
    last = select(func.max(earlier.id)).where(
        earlier.subscription_id == ConsentEvent.subscription_id, earlier.id < ConsentEvent.id, earlier.act == Act.LEFT
    )
    reasons = select(ConsentEvent, left, Subscription).where(_EXPLAINED)
    # An erased reader's words are gone, and their event belongs to nobody.
    reasons = reasons.join(Subscription, Subscription.id == ConsentEvent.subscription_id)
    return reasons.join(left, left.id == last.correlate(ConsentEvent).scalar_subquery())
