"""Gauges: what an operator watches of the readers."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Status, Subscription
from newsletter.publications import Publication


def subscriptions(session: Session) -> dict[tuple[str, Status], int]:
    """How many subscriptions of each publication, by its slug, stand where."""
    grouped = select(Publication.slug, Subscription.status, func.count()).join(Subscription.publication)
    found = session.execute(grouped.group_by(Publication.slug, Subscription.status))
    return {(slug, status): count for slug, status, count in found}
