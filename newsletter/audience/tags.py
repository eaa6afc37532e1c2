"""Tags: labels that a publication gives to some of its readers, to choose them by."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.audience.tag_names import MAX_KEY, MAX_NAME, folded_name
from newsletter.db import UNSYNCED, Base, insert
from newsletter.prepared import insert_rows


class Tag(Base):
    """A label that a publication gives to some of its readers; `key` is the same for every spelling of its name."""

    __tablename__ = "tags"
    __table_args__ = (UniqueConstraint("publication_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    key: Mapped[str] = mapped_column(String(MAX_KEY))


class SubscriptionTag(Base):
    """One reader's tag."""

    __tablename__ = "subscription_tags"
    __table_args__ = (Index(None, "tag_id", "subscription_id"), {"sqlite_with_rowid": False})

    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True)


def ensure_tags(session: Session, publication_id: int, names: Iterable[str]) -> dict[str, int]:
    """The ids of the tags of these names, by key; missing tags are created."""
    wanted = {folded_name(name): name for name in names}
    found = _tags(session, publication_id, wanted)
    if new := {key: name for key, name in wanted.items() if key not in found}:
        # In order, so that two who make the same ones wait for each other and do not deadlock.
        made = [{"publication_id": publication_id, "key": key, "name": name} for key, name in sorted(new.items())]
        session.execute(insert(session, Tag).values(made).on_conflict_do_nothing())
        found = _tags(session, publication_id, wanted)
    return found


def add_tags(session: Session, pairs: Sequence[tuple[int, int]]) -> None:
    """Give each subscription its tag, as (subscription_id, tag_id); one that it has stays."""
    insert_rows(session.connection(), SubscriptionTag, ("subscription_id", "tag_id"), pairs)


def all_tags(session: Session, publication_id: int, most: int) -> list[str]:
    """The names of a publication's tags, in order."""
    return list(
        session.scalars(select(Tag.name).where(Tag.publication_id == publication_id).order_by(Tag.key).limit(most))
    )


def remove_tag(session: Session, tag_id: int, subscription_ids: Collection[int]) -> None:
    """Take a tag from these readers; those who do not have it stay as they are."""
    deletion = delete(SubscriptionTag).where(SubscriptionTag.tag_id == tag_id)
    deletion = deletion.where(SubscriptionTag.subscription_id.in_(subscription_ids))
    session.execute(deletion, execution_options=UNSYNCED)


def tags_of(session: Session, subscription_id: int) -> list[str]:
    """The names of a reader's tags, in order."""
    theirs = select(Tag.name).join(SubscriptionTag).where(SubscriptionTag.subscription_id == subscription_id)
    return list(session.scalars(theirs.order_by(Tag.key)))


def _tags(session: Session, publication_id: int, keys: Collection[str]) -> dict[str, int]:
    asked = select(Tag.key, Tag.id).where(Tag.publication_id == publication_id, Tag.key.in_(keys))
    return dict(session.execute(asked).all()) if keys else {}
