"""What one reader was sent: every copy, whatever became of it."""

from collections.abc import Collection

from sqlalchemy import Select, select

from newsletter.delivery.models import Copy, Letter


def by(subscription_ids: Collection[int], before: int | None = None) -> Select[Copy, Letter]:
    """The copies for these subscriptions with their letters, newest first; only those older than copy `before`."""
    theirs = select(Copy, Letter).join(Letter, Letter.id == Copy.letter_id)
    theirs = theirs.where(Copy.subscription_id.in_(subscription_ids)).order_by(Copy.id.desc())
    return theirs.where(Copy.id < before) if before is not None else theirs
