"""Attributes: what a publication knows of some of its readers, such as their city, to choose them by.

All values of a reader stand in one row, or in few: a row for each took an import longer than all the rest. They are
texts as they were given. What one means under its attribute's type is read when it is compared, so that a value which
does not fit the type is never lost.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    func,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter import characters
from newsletter.audience.attribute_types import AttributeType, guess_type
from newsletter.audience.tag_names import MAX_KEY, MAX_NAME, MAX_VALUE, folded_name
from newsletter.db import UNSYNCED, Base, insert, is_postgresql, word
from newsletter.errors import Invalid
from newsletter.prepared import insert_rows

IN_A_ROW = 32
"""The values in one row of `AttributeValues`."""


class Attribute(Base):
    """Something that a publication knows of some of its readers; `key` is the same for every spelling of its name."""

    __tablename__ = "attributes"
    __table_args__ = (
        UniqueConstraint("publication_id", "key"),
        Index(None, "publication_id", "position", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    key: Mapped[str] = mapped_column(String(MAX_KEY))
    type: Mapped[AttributeType] = mapped_column(word(AttributeType), default=AttributeType.TEXT)
    position: Mapped[int]
    """Where its values stand (`KnownAttribute`); never given to another one."""

    @property
    def known(self) -> "KnownAttribute":
        """Its type and place."""
        return KnownAttribute(self.type, self.position)


class DeletedAttribute(Base):
    """The position of an attribute that was deleted, never given to another one; its values are cleared bit by bit."""

    __tablename__ = "deleted_attributes"

    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    cleared_to: Mapped[int] = mapped_column(default=0)
    """The last subscription whose value is cleared."""
    is_cleared: Mapped[bool] = mapped_column(default=False)


_EVER = (Attribute, DeletedAttribute)
_KEYS = ("publication_id", "part", "subscription_id")
_COLUMNS = tuple(f"value_{number}" for number in range(IN_A_ROW))


class AttributeValues(Base):
    """A reader's values of up to 32 attributes, each as it was given."""

    __table__ = Table(
        "attribute_values",
        Base.metadata,
        # A publication's rows stand together, because a segment goes through all of them.
        Column("publication_id", Integer, ForeignKey("publications.id"), primary_key=True),
        Column("part", Integer, primary_key=True),
        Column("subscription_id", Integer, ForeignKey("subscriptions.id", ondelete="CASCADE"), primary_key=True),
        *(Column(name, Text) for name in _COLUMNS),
        Index(None, "subscription_id"),
        sqlite_with_rowid=False,
    )
    publication_id: Mapped[int]
    part: Mapped[int]
    subscription_id: Mapped[int]


VALUE_COLUMNS: Sequence[ColumnElement[str | None]] = [AttributeValues.__table__.c[name] for name in _COLUMNS]


class KnownAttribute(NamedTuple):
    """An attribute that there is: its values stand at its place of each row of its part, of 32 attributes each."""

    type: AttributeType
    position: int

    @property
    def part(self) -> int:
        return self.position // IN_A_ROW

    @property
    def place(self) -> int:
        return self.position % IN_A_ROW

    @property
    def column(self) -> ColumnElement[str | None]:
        """The column of its values, in the rows of its publication and part."""
        return VALUE_COLUMNS[self.place]

    @property
    def column_name(self) -> str:
        return _COLUMNS[self.place]


def known_attributes(
    session: Session, publication_id: int, keys: Collection[str], *, for_writing: bool = False
) -> dict[str, KnownAttribute]:
    """Those of these keys that are attributes; `for_writing`, none is deleted before this transaction ends."""
    asked = select(Attribute.key, Attribute.type, Attribute.position)
    asked = asked.where(Attribute.publication_id == publication_id, Attribute.key.in_(keys))
    if for_writing:
        # SQLite has one writer at a time.
        asked = asked.with_for_update(read=True, key_share=True)
    return {key: KnownAttribute(type_, position) for key, type_, position in session.execute(asked)} if keys else {}


def attributes_by_name(session: Session, publication_id: int) -> dict[str, KnownAttribute]:
    """All attributes of a publication by their names, in order."""
    ours = select(Attribute.name, Attribute.type, Attribute.position).where(Attribute.publication_id == publication_id)
    found = session.execute(ours.order_by(Attribute.key))
    return {name: KnownAttribute(type_, position) for name, type_, position in found}


def ensure_attributes(
    session: Session, publication_id: int, types: Mapping[str, AttributeType]
) -> dict[str, KnownAttribute]:
    """The attributes of these names, by key; a missing one is created with the type given."""
    wanted = {folded_name(name): {"name": name, "type": type_} for name, type_ in types.items()}
    known = known_attributes(session, publication_id, wanted, for_writing=True)
    if wanted.keys() <= known.keys():
        return known
    if is_postgresql(session):
        # The mode lets others delete and rename attributes: one that we ask for next would be in a deadlock with us.
        session.execute(text("LOCK TABLE attributes IN SHARE UPDATE EXCLUSIVE MODE"))
        known = known_attributes(session, publication_id, wanted)
    new = [(key, values) for key, values in wanted.items() if key not in known]
    ever = [select(func.max(one.position)).where(one.publication_id == publication_id) for one in _EVER]
    last = max((one for one in session.scalars(union_all(*ever)) if one is not None), default=-1)
    session.add_all(
        Attribute(publication_id=publication_id, key=key, position=position, **values)
        for position, (key, values) in enumerate(new, last + 1)
    )
    session.flush()
    return known_attributes(session, publication_id, wanted)


def add_values(
    session: Session,
    publication_id: int,
    readers: Sequence[tuple[int, Mapping[str, str]]],
    known: Mapping[str, KnownAttribute],
) -> None:
    """Give each subscription, named once, those of its values that it does not have yet; `known` has all their names.

    Of two values of one attribute, the first counts.
    """
    for part in sorted({one.part for one in known.values()}):
        # Only the columns that are filled: Python's driver takes three times as long to bind a None as a text.
        places = sorted({one.place for one in known.values() if one.part == part})
        at = {name: places.index(one.place) for name, one in known.items() if one.part == part}
        columns = tuple(_COLUMNS[place] for place in places)
        rows = [
            (publication_id, part, subscription_id, *texts)
            for subscription_id, values in readers
            if any(texts := _texts_at(at, values, len(places)))
        ]
        insert_rows(session.connection(), AttributeValues, (*_KEYS, *columns), rows, filled=columns)


def _texts_at(at: Mapping[str, int], values: Mapping[str, str], width: int) -> Sequence[str | None]:
    texts: list[str | None] = [None] * width
    for name, value in values.items():
        place = at.get(name)
        if place is not None and texts[place] is None:
            texts[place] = value
    return texts


def set_value(session: Session, publication_id: int, subscription_id: int, name: str, value: str) -> None:
    """Set one reader's value, or remove it if it is empty; Invalid if it is too long or has odd characters."""
    value = characters.passage(value, "the value").strip()
    if len(value) > MAX_VALUE:
        raise Invalid(f"a value has at most {MAX_VALUE} characters, and this one {len(value)}")
    if value:
        (known,) = ensure_attributes(session, publication_id, {name: guess_type([value])}).values()
        place = {"publication_id": publication_id, "part": known.part, "subscription_id": subscription_id}
        column = {known.column_name: value}
        made = insert(session, AttributeValues).values(place | column)
        session.execute(made.on_conflict_do_update(index_elements=_KEYS, set_=column))
        return
    for known in known_attributes(session, publication_id, [folded_name(name)]).values():
        theirs = update(AttributeValues).where(*rows_of(publication_id, known.part))
        theirs = theirs.where(AttributeValues.subscription_id == subscription_id)
        session.execute(theirs.values({known.column_name: None}), execution_options=UNSYNCED)


def names(session: Session, publication_id: int, most: int) -> list[str]:
    """The names of a publication's attributes, in order."""
    ours = select(Attribute.name).where(Attribute.publication_id == publication_id)
    return list(session.scalars(ours.order_by(Attribute.key).limit(most)))


def values_of(session: Session, subscription_id: int) -> dict[str, str]:
    """A reader's values as they were given, by the attribute's name, in order."""
    theirs = select(AttributeValues.__table__).where(AttributeValues.subscription_id == subscription_id)
    rows = session.execute(theirs).all()
    texts = {part * IN_A_ROW + at: text for _, part, _, *cells in rows for at, text in enumerate(cells)}
    known = attributes_by_name(session, rows[0].publication_id) if rows else {}
    return {name: text for name, one in known.items() if (text := texts.get(one.position)) is not None}


def rows_with(publication_id: int, attribute: KnownAttribute) -> ColumnElement[bool]:
    """The SQL condition that a row has a value of this attribute."""
    return and_(*rows_of(publication_id, attribute.part), attribute.column.is_not(None))


def rows_of(publication_id: int, part: int) -> Sequence[ColumnElement[bool]]:
    """The SQL conditions of a row with values of 32 attributes."""
    return AttributeValues.publication_id == publication_id, AttributeValues.part == part
