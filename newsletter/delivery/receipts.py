"""Receipts: the server's reply to each letter that asked for consent, kept as long as the consent is.

The outbox forgets its letters after a month; who has to prove a consent (GDPR, article 7) needs this for years.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from newsletter.db import UNSYNCED
from newsletter.delivery.message import compose
from newsletter.delivery.models import OutboxMessage, OutboxState, Receipt


def record_receipt(session: Session, post_id: int, state: OutboxState, reply: str, now: datetime) -> None:
    """Record the outcome of a letter that has just ended, if it asked for somebody's consent."""
    post = session.get_one(OutboxMessage, post_id)
    if post.subscription_id is None or post.template is None:
        return
    receipt = Receipt(post_id=post.id, subscription_id=post.subscription_id, kind=post.kind, template=post.template)
    receipt.message_id, receipt.state, receipt.reply, receipt.at = compose.message_id(post.content), state, reply, now
    session.add(receipt)


def select_receipts(subscription_ids: Collection[int]) -> Select[Receipt]:
    """Those of these subscriptions, oldest first."""
    theirs = select(Receipt).where(Receipt.subscription_id.in_(subscription_ids))
    return theirs.order_by(Receipt.at, Receipt.post_id)


def last_sent(session: Session, subscription_id: int) -> Receipt | None:
    """The newest receipt of a letter to this subscription that a mail server accepted."""
    theirs = select(Receipt).where(Receipt.subscription_id == subscription_id, Receipt.state == OutboxState.SENT)
    return session.scalar(theirs.order_by(Receipt.at.desc(), Receipt.post_id.desc()).limit(1))


def erase_receipts(session: Session, subscription_ids: Collection[int]) -> None:
    """Erase them, with the consent that they are evidence of."""
    theirs = delete(Receipt).where(Receipt.subscription_id.in_(subscription_ids))
    session.execute(theirs, execution_options=UNSYNCED)
