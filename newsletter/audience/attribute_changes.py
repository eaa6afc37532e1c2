"""Attributes as editors change them: found, renamed, given another type, deleted; and what goes with a deleted one."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter.audience.attribute_types import AttributeType
from newsletter.audience.attributes import Attribute, AttributeValues, DeletedAttribute, KnownAttribute, rows_of
from newsletter.audience.tag_names import clean_tag, folded_name
from newsletter.db import UNSYNCED
from newsletter.errors import Conflict, NotFound

_GROUP = 5_000
"""How many readers' values are cleared in one transaction."""


def find(session: Session, publication_id: int, attribute_id: int, *, for_update: bool = False) -> Attribute:
    """The publication's attribute of that id; NotFound if there is none. `for_update`, nobody else changes it."""
    found = session.get(Attribute, attribute_id, with_for_update=for_update, populate_existing=for_update)
    if found is None or found.publication_id != publication_id:
        raise NotFound("there is no such attribute; it may have been deleted")
    return found


def list_page(session: Session, publication_id: int, number: int, size: int) -> tuple[Sequence[Attribute], bool]:
    """A page of a publication's attributes by name, from page 1, and whether there are more."""
    ours = select(Attribute).where(Attribute.publication_id == publication_id).order_by(Attribute.key)
    found = session.scalars(ours.offset((number - 1) * size).limit(size + 1)).all()
    return found[:size], len(found) > size


def set_attribute_name(session: Session, attribute: Attribute, name: str) -> None:
    """Give an attribute another name; Invalid if it is none, Conflict if another attribute has it."""
    name = clean_tag(name, "the attribute's name")
    taken = select(Attribute.id).where(Attribute.publication_id == attribute.publication_id)
    if session.scalar(taken.where(Attribute.key == folded_name(name), Attribute.id != attribute.id)):
        raise Conflict(f"there is an attribute called “{name}” already; give this one another name")
    try:
        with session.begin_nested():
            attribute.name, attribute.key = name, folded_name(name)
    except IntegrityError:
        raise Conflict(f"somebody else has just made an attribute “{name}”; give this one another name") from None


def delete(session: Session, attribute: Attribute) -> None:
    """Delete an attribute: its values belong to nobody from now on, and `clear_deleted` removes them."""
    session.add(DeletedAttribute(publication_id=attribute.publication_id, position=attribute.position))
    session.delete(attribute)
    session.flush()


def has_deleted(session: Session, _now: datetime) -> bool:
    """Whether values of deleted attributes are left."""
    return session.scalar(select(DeletedAttribute.position).where(~DeletedAttribute.is_cleared).limit(1)) is not None


def clear_deleted(session: Session, _now: datetime) -> int:
    """Remove the values of a deleted attribute from some readers; 0 if nothing is left to do."""
    left = select(DeletedAttribute).where(~DeletedAttribute.is_cleared).limit(1)
    deleted = session.scalar(left.with_for_update(skip_locked=True))
    if deleted is None:
        return 0
    place = KnownAttribute(AttributeType.TEXT, deleted.position)
    reader = AttributeValues.subscription_id
    ours = rows_of(deleted.publication_id, place.part)
    rest = select(reader).where(*ours, reader > deleted.cleared_to).order_by(reader)
    last = session.scalar(rest.offset(_GROUP - 1).limit(1))
    theirs = update(AttributeValues).where(*ours, reader > deleted.cleared_to, place.column.is_not(None))
    if last is None:
        deleted.is_cleared = True
    else:
        theirs, deleted.cleared_to = theirs.where(reader <= last), last
    session.execute(theirs.values({place.column_name: None}), execution_options=UNSYNCED)
    return 1
