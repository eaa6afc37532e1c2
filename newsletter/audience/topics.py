"""Topics: tags of issues that a publication lets its readers turn off."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter import publications
from newsletter.audience import consent, preferences
from newsletter.audience.models import Subscription
from newsletter.audience.services import AudienceServices
from newsletter.characters import LONGEST_LABEL_KEY, label_key
from newsletter.db import UNSYNCED, Base, insert, is_postgresql


class TopicOff(Base):
    """A topic that a reader has turned off, by its key (`label_key`); it outlives the topic, should that come back."""

    __tablename__ = "topics_off"
    __table_args__ = (Index(None, "key", "subscription_id"), {"sqlite_with_rowid": False})

    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(LONGEST_LABEL_KEY), primary_key=True)


def choose_topics(
    session: Session,
    audience: AudienceServices,
    subscription: Subscription,
    chosen: Collection[str],
    client: str | None,
    now: datetime,
) -> None:
    """Let a reader get these of the publication's topics and no others; takes effect with the next issue.

    Conflict for somebody who is not subscribed.
    """
    preferences.require_reader(subscription)
    # An issue that is being fanned out either still goes by the former choice, or sees this one as a whole.
    publications.wait_for_fan_out(session, subscription.publication_id)
    wanted = {label_key(topic) for topic in chosen}
    keys = {label_key(topic): topic for topic in subscription.publication.topics}
    before = keys.keys() & _keys_off(session, subscription.id)
    after = keys.keys() - wanted
    if after == before:
        return
    mine = delete(TopicOff).where(TopicOff.subscription_id == subscription.id, TopicOff.key.in_(before - after))
    session.execute(mine, execution_options=UNSYNCED)
    turn_off(session, [(subscription.id, key) for key in sorted(after - before)])
    named = ", ".join(keys[key] for key in keys if key in after)
    consent.record_choice(session, audience, subscription, f"topics turned off: {named or 'none'}", client, now)


def turn_off(session: Session, pairs: Sequence[tuple[int, str]]) -> None:
    """Turn topics off, as (subscription_id, key); one that is off stays so."""
    if pairs:
        values = [{"subscription_id": subscription_id, "key": key} for subscription_id, key in pairs]
        session.execute(insert(session, TopicOff).on_conflict_do_nothing(), values)


def _keys_off(session: Session, subscription_id: int) -> set[str]:
    """The keys of the topics that a reader has turned off."""
    return set(session.scalars(select(TopicOff.key).where(TopicOff.subscription_id == subscription_id)))


def names_off(session: Session, subscription: Subscription) -> list[str]:
    """The names of the topics that a reader has turned off, or the key of one that the publication no longer has."""
    names = {label_key(topic): topic for topic in subscription.publication.topics}
    return sorted(names.get(key, key) for key in _keys_off(session, subscription.id))


def wants_any(session: Session, keys: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    """What a subscription has to meet to get an issue of these topics: not all are turned off; nothing without topics.

    Evaluated as one list of readers or one anti-join, whatever the number of readers.
    """
    if not keys:
        return ()
    off = select(TopicOff.subscription_id).where(TopicOff.key.in_(keys)).group_by(TopicOff.subscription_id)
    all_off = off.having(func.count() == len(keys))
    if not is_postgresql(session):
        return (Subscription.id.not_in(all_off),)
    # PostgreSQL would search the list of a NOT IN again for each reader once it exceeds its memory.
    theirs = all_off.subquery()
    return (~select(theirs.c.subscription_id).where(theirs.c.subscription_id == Subscription.id).exists(),)
