"""Paces: whether a reader gets each issue, or one digest a month of all of them.

A change that would bring an issue twice, or never, takes effect with the next digest: see
docs/decisions/0026-when-a-change-of-pace-takes-effect.md.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from newsletter.audience import consent
from newsletter.audience.models import Pace, Subscription
from newsletter.audience.services import AudienceServices
from newsletter.db import UNSYNCED
from newsletter.publications import Publication

# Written out, because neither database matches a parameter to a partial index.
_CONCERNED = text("(subscriptions.pace = 'monthly' OR subscriptions.next_pace IS NOT NULL)")


def is_used(session: Session, publication: Publication) -> bool:
    """Whether a publication has a digest: it offers one, or somebody still reads by it.

    Without a weekly slot there is no first one of a month, so everybody gets each issue.
    """
    if not publication.slots:
        return False
    concerned = select(Subscription.id).where(Subscription.publication_id == publication.id, _CONCERNED)
    return publication.offers_digest or session.scalar(concerned.limit(1)) is not None


def change_pace(
    session: Session,
    audience: AudienceServices,
    subscription: Subscription,
    wanted: Pace,
    client: str | None,
    now: datetime,
    *,
    at_once: bool,
) -> None:
    """Let a reader have this pace, at once or from the next digest on."""
    before = subscription.next_pace or subscription.pace
    if at_once:
        subscription.pace = wanted
    subscription.next_pace = None if wanted is subscription.pace else wanted
    if wanted is not before:
        consent.record_choice(session, audience, subscription, f"pace: {wanted}", client, now)
    session.flush()


def set_monthly(session: Session, subscription_ids: Collection[int]) -> None:
    """Let new readers have one digest a month."""
    theirs = update(Subscription).where(Subscription.id.in_(subscription_ids))
    if subscription_ids:
        session.execute(theirs.values(pace=Pace.MONTHLY), execution_options=UNSYNCED)


def change_due(session: Session, publication: Publication) -> None:
    """Let every change that waited for this digest take effect; where none is offered any more, everybody's ends."""
    ours = update(Subscription).where(Subscription.publication_id == publication.id, _CONCERNED)
    if publication.offers_digest:
        ours = ours.where(Subscription.next_pace.is_not(None))
        ours = ours.values(pace=func.coalesce(Subscription.next_pace, Subscription.pace), next_pace=None)
    else:
        ours = ours.values(pace=Pace.EACH, next_pace=None)
    session.execute(ours, execution_options=UNSYNCED)
