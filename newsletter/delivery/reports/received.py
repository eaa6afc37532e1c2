"""What one reader was sent: every copy, whatever its state."""

from collections.abc import Collection

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Copy, Letter
from newsletter.pagination import Order, Page, PageRequest

_NEWEST_FIRST: Order[Row[Copy, Letter]] = Order((Copy.id,), lambda row: row[0].id)


def page(session: Session, subscription_ids: Collection[int], turn: PageRequest, size: int) -> Page[Row[Copy, Letter]]:
    """A page of the copies for these subscriptions, each with its letter, newest first."""
    theirs = select(Copy, Letter).join(Letter, Letter.id == Copy.letter_id)
    theirs = theirs.where(Copy.subscription_id.in_(subscription_ids))

    return _NEWEST_FIRST.page(lambda some: session.execute(some).all(), theirs, turn, size)
