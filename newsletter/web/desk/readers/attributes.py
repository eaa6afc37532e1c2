"""Attributes at the desk: what they are and who has a value; renamed, given another type, deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.audience import attribute_changes, attribute_counts
from newsletter.audience.attribute_types import AttributeType
from newsletter.audience.attributes import Attribute
from newsletter.audience.segments import rule as rules
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.store import Segment
from newsletter.db import Session
from newsletter.errors import Conflict, Invalid
from newsletter.publications import Publication
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, lookup, timed_cache, words
from newsletter.web.desk.readers import segment_form
from newsletter.workflows import change_attribute

_PAGE = 50
_HIGHEST_PAGE = 1_000
_EXAMPLES = 2
_TYPES = {
    AttributeType.TEXT: "text",
    AttributeType.NUMBER: "number",
    AttributeType.DATE: "date",
    AttributeType.BOOLEAN: "yes or no",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """An attribute in the list."""

    attribute: Attribute
    examples: Sequence[str]
    used_by: Sequence[Segment]
    readers: int | None
    """How many have a value; None if nobody has counted them."""


def list_attributes() -> str:
    """A page of the publication's attributes; many readers are counted with `?counted=1` only."""
    number = min(max(request.args.get("page", 1, type=int), 1), _HIGHEST_PAGE)
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        found, has_more = attribute_changes.list_page(store, publication.id, number, _PAGE)
        rows = _rows(store, publication, found)
        return _render(store, "attributes.html", publication, rows=rows, number=number, has_more=has_more)


def show_attribute(attribute_id: int) -> str:
    """One attribute: its values, the segments that use it, and the forms that change it."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        return _page(store, publication, lookup.attribute(store, publication, attribute_id))


def rename_attribute(attribute_id: int) -> ResponseReturnValue:
    """Give an attribute another name, also in the segments that use it; shown again with what is wrong."""
    name = request.form.get("name", "")
    try:
        with services().sessions.begin() as store:
            found = _unchanged(store, attribute_id)
            change_attribute.rename_attribute(store, found, name, now())
            audit_hook.add_details(name=found.name)
            flash(f"The attribute is now called “{found.name}”.")
    except (Conflict, Invalid) as error:
        with services().sessions.reading() as store:
            publication = frame.current_publication(store)
            found = lookup.attribute(store, publication, attribute_id)
            page = _page(store, publication, found, words.as_sentence(error))
            return page, 422 if isinstance(error, Invalid) else 409
    return redirect(url_for("desk.show_attribute", attribute_id=attribute_id), 303)


def type_form(attribute_id: int) -> str:
    """Say what another type would mean for the values and for the segments, for confirmation."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        found, to = lookup.attribute(store, publication, attribute_id), _type(request.args.get("to", ""))
        used_by = segments.asking_of(store, publication.id, found.key)
        return _render(
            store,
            "attribute_type.html",
            publication,
            attribute=found,
            to=to,
            fit=timed_cache.fit_of_type(store, publication.id, found.known, to, waits=_is_counted()),
            unmet=_unmet(used_by, found, to),
            version=_version(found),
        )


def change_type(attribute_id: int) -> ResponseReturnValue:
    """Compare an attribute's values by another type from now on; they stay as they are."""
    with services().sessions.begin() as store:
        found, to = _unchanged(store, attribute_id), _type(request.form.get("to", ""))
        audit_hook.add_details(was=found.type, type=to)
        change_attribute.set_type(store, found, to)
        flash(f"“{found.name}” is now compared as {_as(to)}.")
    return redirect(url_for("desk.show_attribute", attribute_id=attribute_id), 303)


def delete_attribute_form(attribute_id: int) -> str:
    """Say how many values would go, for confirmation; Conflict if something needs the attribute."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        found = lookup.attribute(store, publication, attribute_id)
        change_attribute.require_unused(store, found)
        counts = timed_cache.value_counts(store, publication.id, [found.known], waits=_is_counted())
        return _render(
            store,
            "attribute_delete.html",
            publication,
            attribute=found,
            readers=counts and counts[found.position],
            version=_version(found),
        )


def remove_attribute(attribute_id: int) -> ResponseReturnValue:
    """Delete an attribute and all of its values; Conflict, naming it, if something needs it."""
    with services().sessions.begin() as store:
        found = _unchanged(store, attribute_id)
        change_attribute.delete_attribute(store, found)
        flash(f"The attribute “{found.name}” is deleted.")
    return redirect(url_for("desk.list_attributes"), 303)


def _rows(store: Session, publication: Publication, found: Sequence[Attribute]) -> list[_Row]:
    known = [one.known for one in found]
    using: dict[str, list[Segment]] = {}
    for segment in segments.every(store, publication.id):
        for key in rules.attribute_keys(segment.rule):
            using.setdefault(key, []).append(segment)
    examples = attribute_counts.example_values(store, publication.id, known, _EXAMPLES)
    counts = timed_cache.value_counts(store, publication.id, known, waits=_is_counted())
    return [
        _Row(one, examples.get(one.position, ()), using.get(one.key, ()), counts[one.position] if counts else None)
        for one in found
    ]


def _page(store: Session, publication: Publication, found: Attribute, fault: str = "") -> str:
    used_by = segments.asking_of(store, publication.id, found.key)
    examples = attribute_counts.example_values(store, publication.id, [found.known], _EXAMPLES)
    return _render(
        store,
        "attribute.html",
        publication,
        attribute=found,
        fit=timed_cache.fit_of_type(store, publication.id, found.known, found.type, waits=_is_counted()),
        examples=examples.get(found.position, ()),
        used_by=used_by,
        unmet=_unmet(used_by, found, found.type),
        version=_version(found),
        name=request.form.get("name", found.name),
        fault=fault,
    )


def _render(store: Session, template: str, publication: Publication, **values: Any) -> str:
    return frame.page(store, template, "readers", publication, type_words=_TYPES, as_type=_as, **values)


def _unmet(used_by: Sequence[Segment], found: Attribute, to: AttributeType) -> Mapping[Segment, Sequence[str]]:
    """The conditions, in words, that no reader meets under a type, by their segments."""
    unmet = {one: rules.unmet_under(one.rule, found.key, to) for one in used_by}
    return {one: [segment_form.in_words(each) for each in faulty] for one, faulty in unmet.items() if faulty}


def _unchanged(store: Session, attribute_id: int) -> Attribute:
    """The attribute, if it is as the form's page showed it, else Conflict."""
    found = lookup.attribute(store, frame.current_publication(store), attribute_id, for_update=True)
    if request.form.get("version") != _version(found):
        raise Conflict(
            f"“{found.name}” has changed since this page was opened. Nothing was done; look at it again, then decide."
        )
    return found


def _version(found: Attribute) -> str:
    # SQLite gives the id of an attribute that was deleted to the next one.
    return f"{found.position}.{found.type}.{found.name}"


def _type(text: str) -> AttributeType:
    if text not in set(AttributeType):
        raise Invalid("Choose how the values are compared.")
    return AttributeType(text)


def _as(type_: AttributeType) -> str:
    """As in “compared as a number”, “compared as yes or no”."""
    return f"a {_TYPES[type_]}" if type_ in (AttributeType.NUMBER, AttributeType.DATE) else _TYPES[type_]


def _is_counted() -> bool:
    return bool(request.args.get("counted"))
