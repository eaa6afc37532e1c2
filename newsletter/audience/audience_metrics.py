"""Gauges: what an operator watches of the readers."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Status, Subscription
from newsletter.publications import Publication


def subscription_counts(session: Session) -> dict[tuple[str, Status], int]:
    """How many subscriptions of each publication, by its slug, stand where."""
    # Without the publications' names, an index alone answers.
    grouped = select(Subscription.publication_id, Subscription.status, func.count())
    found = session.execute(grouped.group_by(Subscription.publication_id, Subscription.status)).all()
    slugs = dict(session.execute(select(Publication.id, Publication.slug)).all())
    return {(slugs[publication_id], status): count for publication_id, status, count in found}
