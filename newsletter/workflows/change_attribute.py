"""Rename, retype or delete an attribute, minding the segments, letters and acts whose rules ask for it by its name."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import attribute_changes
from newsletter.audience.attribute_types import AttributeType
from newsletter.audience.attributes import Attribute
from newsletter.audience.importing import headers
from newsletter.audience.models import BulkAct, BulkState
from newsletter.audience.segments import rule as rules
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.store import Frozen
from newsletter.delivery.models import NOT_BEGUN, UNDER_WAY, Letter, LetterState
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict, Invalid


def rename_attribute(session: Session, attribute: Attribute, name: str, now: datetime) -> None:
    """Give an attribute another name, also in the rules of segments, and of letters and acts that have begun.

    Conflict, naming it, if another attribute has the name or a scheduled issue asks for this one: whom that goes to
    may have been approved. Invalid if the name is not valid, or an imported list's column of it is read otherwise.
    """
    if headers.field_of(name):
        raise Invalid(f"a list's column “{name.strip()}” is never read as an attribute; choose another name")
    key = attribute.key
    publications.wait_for_fan_out(session, attribute.publication_id)
    _require_no_letter(session, attribute, NOT_BEGUN)
    attribute_changes.set_attribute_name(session, attribute, name)
    for segment in segments.asking_of(session, attribute.publication_id, key):
        segment.stored_rule = rules.to_json(rules.with_renamed(segment.rule, key, attribute.name))
        segment.changed_at = now
    for letter in _letters(session, attribute.publication_id, key, tuple(LetterState)):
        letter.segment = _with_renamed(letter.segment or {}, key, attribute.name)
    for act in _acts(session, attribute.publication_id, key):
        act.segment = _with_renamed(act.segment, key, attribute.name)
    session.flush()


def set_type(session: Session, attribute: Attribute, to: AttributeType) -> None:
    """Compare an attribute's values by another type; Conflict, naming it, if a scheduled issue asks for it."""
    publications.wait_for_fan_out(session, attribute.publication_id)
    if attribute.type is not to:
        _require_no_letter(session, attribute, NOT_BEGUN)
        attribute.type = to


def delete_attribute(session: Session, attribute: Attribute) -> None:
    """Delete an attribute with its values; Conflict as `require_unused` raises it."""
    publications.wait_for_fan_out(session, attribute.publication_id)
    require_unused(session, attribute)
    attribute_changes.delete(session, attribute)


def require_unused(session: Session, attribute: Attribute) -> None:
    """Raise Conflict, naming it, if a segment asks for an attribute, or what is yet to go to one does."""
    if found := segments.asking_of(session, attribute.publication_id, attribute.key):
        names = ", ".join(f"“{one.name}”" for one in found)
        those = "that segment" if len(found) == 1 else "those segments"
        raise Conflict(f"“{attribute.name}” is used by {names}; change or delete {those} first")
    _require_no_letter(session, attribute, (*NOT_BEGUN, *UNDER_WAY))
    for act in _acts(session, attribute.publication_id, attribute.key):
        raise Conflict(f"an act on the segment “{act.segment['name']}” asks for “{attribute.name}”; wait until it ends")


def _with_renamed(frozen: Frozen, attribute_key: str, name: str) -> dict[str, Any]:
    rule = rules.with_renamed(rules.from_json(frozen["rule"]), attribute_key, name)
    return {**frozen, "rule": rules.to_json(rule)}


def _require_no_letter(session: Session, attribute: Attribute, states: Collection[LetterState]) -> None:
    for letter in _letters(session, attribute.publication_id, attribute.key, states):
        title = session.scalar(select(Issue.title).where(Issue.letter_id == letter.id)) or letter.subject
        raise Conflict(
            f"“{title}” goes to readers who are chosen by “{attribute.name}”; "
            "wait until it is sent, or let it go to somebody else"
        )


def _letters(
    session: Session, publication_id: int, attribute_key: str, states: Collection[LetterState]
) -> Iterator[Letter]:
    ours = select(Letter).where(Letter.publication_id == publication_id, Letter.state.in_(states))
    for one in session.scalars(ours.where(Letter.segment.is_not(None)).order_by(Letter.id)).all():
        if one.segment and _asks_for(one.segment, attribute_key):
            yield one


def _acts(session: Session, publication_id: int, attribute_key: str) -> Iterator[BulkAct]:
    ours = select(BulkAct).where(BulkAct.publication_id == publication_id, BulkAct.state == BulkState.RUNNING)
    for one in session.scalars(ours).all():
        if _asks_for(one.segment, attribute_key):
            yield one


def _asks_for(frozen: Frozen, attribute_key: str) -> bool:
    return attribute_key in rules.attribute_keys(rules.from_json(frozen["rule"]))
