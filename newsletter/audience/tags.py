"""Tags and attributes: what a publication stores about its readers beside their status, to choose them by.

An attribute's value is stored as it was given, and beside it the number or date that it means under the attribute's
type, so that a value which does not fit the type is never lost.
"""

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Date, Float, ForeignKey, Index, String, Text, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter import characters
from newsletter.audience.tag_names import MAX_KEY, MAX_NAME, MAX_VALUE, folded_name
from newsletter.db import UNSYNCED, Base, insert, word
from newsletter.errors import Invalid
from newsletter.prepared import insert_rows

_VALUES = ("text", "number", "date")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,9})?")
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d.*)?")
_BOOLEANS = {"true": 1.0, "yes": 1.0, "on": 1.0, "1": 1.0, "false": 0.0, "no": 0.0, "off": 0.0, "0": 0.0}


class AttributeType(StrEnum):
    """The type by which an attribute's values are compared."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"


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


class Attribute(Base):
    """Something that a publication knows of some of its readers, such as their city; `key` as that of a tag."""

    __tablename__ = "attributes"
    __table_args__ = (UniqueConstraint("publication_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    key: Mapped[str] = mapped_column(String(MAX_KEY))
    type: Mapped[AttributeType] = mapped_column(word(AttributeType), default=AttributeType.TEXT)


class SubscriptionAttribute(Base):
    """One reader's value: `text` as it was given, and the number (1 or 0 for a boolean) or date that it means."""

    __tablename__ = "subscription_attributes"
    __table_args__ = (Index(None, "subscription_id", "attribute_id"), {"sqlite_with_rowid": False})

    # The first part of the primary key: SQLite keeps the values of one attribute together, which a segment reads.
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id", ondelete="CASCADE"), primary_key=True)
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    number: Mapped[float | None] = mapped_column(Float(53))
    date: Mapped[dt.date | None] = mapped_column(Date)


def typed_value(type_: AttributeType, text: str) -> tuple[float | None, str | None]:
    """The number and the ISO date that a value means under a type; None for each that it has not."""
    if type_ is AttributeType.NUMBER and _NUMBER.fullmatch(text):
        return float(text), None
    if type_ is AttributeType.BOOLEAN:
        return _BOOLEANS.get(text.casefold()), None
    if type_ is AttributeType.DATE:
        return None, _iso_date(text)
    return None, None


def guess_type(values: Iterable[str]) -> AttributeType:
    """The type that all of these values have, ignoring empty ones; text if there is no such type or no value."""
    present = [value for value in values if value]
    for type_ in (AttributeType.NUMBER, AttributeType.DATE, AttributeType.BOOLEAN):
        if present and all(typed_value(type_, value) != (None, None) for value in present):
            return type_
    return AttributeType.TEXT


def ensure_tags(session: Session, publication_id: int, names: Iterable[str]) -> dict[str, int]:
    """The ids of the tags of these names, by key; missing tags are created."""
    wanted = {folded_name(name): name for name in names}
    found = _tags(session, publication_id, wanted)
    if new := {key: {"name": name} for key, name in wanted.items() if key not in found}:
        _insert_named(session, Tag, publication_id, new)
        found = _tags(session, publication_id, wanted)
    return found


def ensure_attributes(
    session: Session, publication_id: int, types: Mapping[str, AttributeType]
) -> dict[str, tuple[int, AttributeType]]:
    """The ids and types of the attributes of these names, by key; a missing one is created with the type given."""
    wanted = {folded_name(name): {"name": name, "type": type_} for name, type_ in types.items()}
    found = known_attributes(session, publication_id, wanted)
    if new := {key: values for key, values in wanted.items() if key not in found}:
        _insert_named(session, Attribute, publication_id, new)
        found = known_attributes(session, publication_id, wanted)
    return found


def known_attributes(
    session: Session, publication_id: int, keys: Collection[str]
) -> dict[str, tuple[int, AttributeType]]:
    """The ids and types of those of these keys that are attributes."""
    asked = select(Attribute.key, Attribute.id, Attribute.type)
    asked = asked.where(Attribute.publication_id == publication_id, Attribute.key.in_(keys))
    return {key: (id_, type_) for key, id_, type_ in session.execute(asked)} if keys else {}


def add_tags(session: Session, pairs: Sequence[tuple[int, int]]) -> None:
    """Give each subscription its tag, as (subscription_id, tag_id); one that it has stays."""
    insert_rows(session.connection(), SubscriptionTag, ("subscription_id", "tag_id"), pairs)


def set_attributes(
    session: Session,
    values: Mapping[tuple[int, AttributeType], Sequence[tuple[int, str]]],
    *,
    replace: bool = True,
) -> None:
    """Set the values of each attribute, given by its id and type, as (subscription_id, text).

    Without `replace`, existing values stay. Of two values for one reader, the first counts.
    """
    for (attribute_id, type_), texts in values.items():
        # PostgreSQL replaces no row twice in one statement.
        once = dict(reversed(texts)).items() if replace else texts
        keys, replaced = ("subscription_id", "attribute_id"), _VALUES if replace else ()
        if type_ is AttributeType.TEXT:
            found: Sequence[Sequence[Any]] = [(one, attribute_id, text) for one, text in once]
            columns: tuple[str, ...] = (*keys, "text")
        else:
            found = [(one, attribute_id, text, *typed_value(type_, text)) for one, text in once]
            columns = (*keys, *_VALUES)
        insert_rows(session.connection(), SubscriptionAttribute, columns, found, replaced=replaced)


def all_tags(session: Session, publication_id: int, most: int) -> list[str]:
    """The names of a publication's tags, in order."""
    return list(
        session.scalars(select(Tag.name).where(Tag.publication_id == publication_id).order_by(Tag.key).limit(most))
    )


def all_attributes(session: Session, publication_id: int, most: int) -> list[str]:
    """The names of a publication's attributes, in order."""
    ours = select(Attribute.name).where(Attribute.publication_id == publication_id)
    return list(session.scalars(ours.order_by(Attribute.key).limit(most)))


def remove_tag(session: Session, tag_id: int, subscription_ids: Collection[int]) -> None:
    """Take a tag from these readers; those who do not have it stay as they are."""
    deletion = delete(SubscriptionTag).where(SubscriptionTag.tag_id == tag_id)
    deletion = deletion.where(SubscriptionTag.subscription_id.in_(subscription_ids))
    session.execute(deletion, execution_options=UNSYNCED)


def set_attribute(session: Session, publication_id: int, subscription_id: int, name: str, value: str) -> None:
    """Set one reader's value, or remove it if it is empty; Invalid if it is too long or has odd characters."""
    value = characters.passage(value, "the value").strip()
    if len(value) > MAX_VALUE:
        raise Invalid(f"a value has at most {MAX_VALUE} characters, and this one {len(value)}")
    if value:
        (known,) = ensure_attributes(session, publication_id, {name: guess_type([value])}).values()
        set_attributes(session, {known: [(subscription_id, value)]})
        return
    for attribute_id, _type in known_attributes(session, publication_id, [folded_name(name)]).values():
        deletion = delete(SubscriptionAttribute).where(SubscriptionAttribute.attribute_id == attribute_id)
        session.execute(deletion.where(SubscriptionAttribute.subscription_id == subscription_id))


def tags_of(session: Session, subscription_id: int) -> list[str]:
    """The names of a reader's tags, in order."""
    theirs = select(Tag.name).join(SubscriptionTag).where(SubscriptionTag.subscription_id == subscription_id)
    return list(session.scalars(theirs.order_by(Tag.key)))


def attributes_of(session: Session, subscription_id: int) -> dict[str, str]:
    """A reader's attributes as they were given, by name, in order."""
    theirs = select(Attribute.name, SubscriptionAttribute.text).join(SubscriptionAttribute)
    theirs = theirs.where(SubscriptionAttribute.subscription_id == subscription_id)
    return dict(session.execute(theirs.order_by(Attribute.key)).all())


def _iso_date(text: str) -> str | None:
    if not (found := _DATE.fullmatch(text)):
        return None
    try:
        return dt.date.fromisoformat(found[1]).isoformat()
    except ValueError:
        return None


def _tags(session: Session, publication_id: int, keys: Collection[str]) -> dict[str, int]:
    asked = select(Tag.key, Tag.id).where(Tag.publication_id == publication_id, Tag.key.in_(keys))
    return dict(session.execute(asked).all()) if keys else {}


def _insert_named(
    session: Session, table: type[Tag] | type[Attribute], publication_id: int, new: Mapping[str, Mapping[str, object]]
) -> None:
    made = [{"publication_id": publication_id, "key": key, **values} for key, values in new.items()]
    session.execute(insert(session, table).values(made).on_conflict_do_nothing())
