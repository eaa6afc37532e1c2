"""Segments at the desk: the list, one segment, and the builder with its live count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.audience.models import Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Rule
from newsletter.audience.segments.store import Segment
from newsletter.db import Session
from newsletter.errors import Conflict, Invalid, NotFound
from newsletter.publications import Publication
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, lookup, timed_cache
from newsletter.web.desk.readers import segment_form
from newsletter.web.desk.readers.bulk_acts import shown_acts
from newsletter.web.desk.readers.segment_form import TESTS, Builder, BuilderRow, Suggestions
from newsletter.workflows import choose_segment

_SAMPLE = 10
_CHANGED = (
    "Somebody else has changed this segment since you opened it. What you typed is below, not saved; "
    "save again to replace their version."
)


@dataclass(frozen=True, slots=True)
class _SegmentReaders:
    """Who belongs to a rule."""

    members: int
    audience: int
    """How many of them an issue would go to."""
    newest: Sequence[Subscription] | None
    """The newest of them; None if they were not asked for."""
    unmet: Sequence[str]
    """The conditions, in words, that nobody meets because of an attribute's type."""


def list_segments() -> str:
    """The publication's segments; each is counted by a request of its own."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        known = Suggestions.load(store, publication)
        rows = [(one, _described(one, known)) for one in segments.every(store, publication.id)]
        return frame.page(store, "segments.html", "readers", publication, rows=rows)


def show_segment(segment_id: int) -> str:
    """One segment: its rule in words and what goes to it; with `?counted=1`, who belongs to it."""
    with services().sessions.reading() as store:
        found = lookup.segment(store, segment_id)
        return frame.page(
            store,
            "segment.html",
            "readers",
            found.publication,
            described=_described(found, Suggestions.load(store, found.publication)),
            issues=choose_segment.issues_to(store, found),
            **shown_acts(store, found),
            who=_who(store, found.publication, found.rule, _SAMPLE) if request.args.get("counted") else None,
        )


def segment_count(segment_id: int) -> ResponseReturnValue:
    """The part of a page that says how many belong to a segment; with `?sample=1`, and who are the newest."""
    with services().sessions.reading() as store:
        found = lookup.segment(store, segment_id)
        sample = _SAMPLE if request.args.get("sample") else 0
        return render_template("desk/parts/segment_count.html", who=_who(store, found.publication, found.rule, sample))


def new_segment_form() -> str:
    """An empty builder."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        return _builder_page(store, publication, Builder(rows=[BuilderRow()]))


def make_segment() -> ResponseReturnValue:
    """Store a new segment, or show the builder again for its other buttons."""
    return _build(None)


def edit_segment_form(segment_id: int) -> str:
    """The builder with a stored segment."""
    with services().sessions.reading() as store:
        found = lookup.segment(store, segment_id)
        builder = segment_form.builder_for(found.name, found.rule, Suggestions.load(store, found.publication))
        return _builder_page(store, found.publication, builder, found)


def change_segment(segment_id: int) -> ResponseReturnValue:
    """Change a stored segment, unless somebody else has meanwhile; or show the builder again."""
    return _build(segment_id)


def count_typed() -> ResponseReturnValue:
    """The part of the builder that says who belongs to the rule as it is typed; stores nothing."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        typed = segment_form.parse(store, publication, request.form, Suggestions.load(store, publication), now())
        return render_template("desk/parts/segment_count.html", who=_who_typed(store, publication, typed), typed=typed)


def delete_segment_form(segment_id: int) -> str:
    """Ask before a segment is deleted; Conflict if something needs it."""
    with services().sessions.reading() as store:
        found = lookup.segment(store, segment_id)
        choose_segment.require_unused(store, found)
        return frame.page(store, "segment_delete.html", "readers", found.publication, segment=found)


def remove_segment(segment_id: int) -> ResponseReturnValue:
    """Delete a segment; Conflict, naming it, if something needs it."""
    with services().sessions.begin() as store:
        found = lookup.segment(store, segment_id)
        audit_hook.add_details(segment=found.name)
        choose_segment.delete_segment(store, found)
        flash(f"The segment “{found.name}” is deleted. No reader was.")
    return redirect(url_for("desk.list_segments"), 303)


def _build(segment_id: int | None) -> ResponseReturnValue:
    act = request.form.get("act", "save")
    with services().sessions.reading() as store:
        publication = lookup.segment(store, segment_id).publication if segment_id else frame.current_publication(store)
        typed = segment_form.parse(store, publication, request.form, Suggestions.load(store, publication), now())
        if act == "add":
            return _show_builder(store, publication, typed.with_rows(add=True), segment_id)
        if act.startswith("remove-") and act.removeprefix("remove-").isdecimal():
            return _show_builder(
                store, publication, typed.with_rows(without=int(act.removeprefix("remove-"))), segment_id
            )
        if act == "count" or typed.is_faulty or typed.rule is None:
            return _show_builder(store, publication, typed, segment_id, counted=True), 422 if typed.is_faulty else 200
    try:
        with services().sessions.begin() as store:
            home = store.get_one(Publication, publication.id)
            _require_unchanged(store, segment_id)
            made = segments.save(store, home, typed.name, typed.rule, now(), segment_id)
            audit_hook.add_details(segment=made.name)
            flash(f"The segment “{made.name}” is saved.")
            made_id = made.id
    except (Conflict, Invalid) as error:
        with services().sessions.reading() as store:
            code = 422 if isinstance(error, Invalid) else 409
            return _show_builder(store, publication, typed, segment_id, problem=str(error)), code
    return redirect(url_for("desk.show_segment", segment_id=made_id), 303)


def _show_builder(
    store: Session,
    publication: Publication,
    typed: Builder,
    segment_id: int | None,
    *,
    counted: bool = False,
    problem: str = "",
) -> str:
    """The builder again with what was typed."""
    found = lookup.segment(store, segment_id) if segment_id else None
    who = _who_typed(store, publication, typed) if counted else None
    return _builder_page(store, publication, typed, found, who=who, problem=problem)


def _builder_page(
    store: Session,
    publication: Publication,
    builder: Builder,
    found: Segment | None = None,
    *,
    who: _SegmentReaders | None = None,
    problem: str = "",
) -> str:
    return frame.page(
        store,
        "segment_form.html",
        "readers",
        publication,
        segment=found,
        builder=builder,
        blank=BuilderRow(),
        tests=TESTS,
        known=Suggestions.load(store, publication),
        changed=_mark(found.changed_at) if found else "",
        who=who,
        problem=problem,
    )


def _require_unchanged(store: Session, segment_id: int | None) -> None:
    if segment_id and request.form.get("changed") != _mark(lookup.segment(store, segment_id).changed_at):
        raise Conflict(_CHANGED)


def _mark(changed_at: datetime) -> str:
    return changed_at.isoformat()


def _described(found: Segment, known: Suggestions) -> Builder:
    return segment_form.builder_for(found.name, found.rule, known)


def _who(store: Session, publication: Publication, rule: Rule, sample: int = 0) -> _SegmentReaders | None:
    """Who belongs to a rule, counted as of a moment ago if counting is slow; None if the rule cannot be resolved."""
    try:
        members, audience = timed_cache.rule_counts(store, publication, rule, now())
        newest = segments.sample(store, publication, rule, now(), sample) if sample else None
    except (Invalid, NotFound):
        return None
    unmet = [segment_form.in_words(one) for one in segments.unmet(store, publication.id, rule)]
    return _SegmentReaders(members, audience, newest, unmet)


def _who_typed(store: Session, publication: Publication, typed: Builder) -> _SegmentReaders | None:
    return None if typed.rule is None else _who(store, publication, typed.rule, _SAMPLE)
