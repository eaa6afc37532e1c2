"""The welcome series at the desk: its issues and their order, how often one goes, who is in it, and the results."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.audience import series_readers
from newsletter.audience.segments import store as segments
from newsletter.db import Session
from newsletter.editorial.issues import archive
from newsletter.errors import Conflict, Invalid
from newsletter.i18n import formats
from newsletter.publications import Publication, toml_file
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame
from newsletter.web.desk.goes_to import Narrowed
from newsletter.workflows import issue_report, welcome_series

_MOVES = {"up": -1, "down": 1}


def series_page() -> str:
    """The series; `?segment=` counts the readers who could be added to it."""
    with services().sessions.reading() as store:
        return _page(store, frame.current_publication(store))


def change_series() -> ResponseReturnValue:
    """Turn the series on or off, and set the days between its issues."""
    typed = {"series_on": "series_on" in request.form, "series_days": request.form.get("series_days", "").strip()}
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        is_empty = typed["series_on"] and not publication.series_issues
        faults = {"series_on": "Add an issue first."} if is_empty else toml_file.change(publication, typed)
        if faults:
            return _page(store, publication, typed, faults), 422
        _record(publication)
        flash("The series is on." if publication.series_on else "The series is off. Readers in it keep their place.")
    return _back()


def change_issues() -> ResponseReturnValue:
    """Add an issue at the end, take one out, or move one by a place."""
    slug, act = request.form.get("issue", ""), request.form.get("move", "")
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        faults = toml_file.change(publication, {"series_issues": _changed(list(publication.series_issues), slug, act)})
        if faults:
            raise Invalid(faults["series_issues"])
        if not publication.series_issues:
            publication.series_on = False
        _record(publication)
    return redirect(url_for("desk.series_page", pressed=f"{act}-{slug}" if act in _MOVES else None), 303)


def add_series_readers() -> ResponseReturnValue:
    """Let readers who were here before enter: those of a segment, or all."""
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        narrowed = Narrowed(store, publication)
        narrowed.require_unchanged()
        if not publication.series_on:
            raise Conflict("The series is off. Turn it on first.")
        chosen = segments.frozen_conditions(store, publication, narrowed.frozen, now())
        entered = series_readers.enter_all(store, publication, now(), *chosen)
        audit_hook.set_publication(publication)
        audit_hook.add_details(readers=entered, segment=narrowed.segment.name if narrowed.segment else None)
        flash(f"Added {formats.counted(entered, 'reader')}.")
    return _back()


def resume_series() -> ResponseReturnValue:
    """Resume sending after servers refused the series."""
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        if not welcome_series.resume(store, publication, now()):
            raise Conflict("No issue of the series is paused.")
        audit_hook.set_publication(publication)
        flash("Sending has resumed.")
    return _back()


def _changed(slugs: list[str], slug: str, act: str) -> list[str]:
    if act == "add":
        return [*slugs, slug]
    if slug not in slugs:
        raise Conflict("That issue is no longer in the series. Look at it again.")
    place = slugs.index(slug)
    slugs.pop(place)
    if act in _MOVES:
        slugs.insert(max(0, place + _MOVES[act]), slug)
    return slugs


def _record(publication: Publication) -> None:
    audit_hook.set_publication(publication)
    audit_hook.add_details(
        on=publication.series_on, days=publication.series_days, issues=", ".join(publication.series_issues)
    )


def _back() -> ResponseReturnValue:
    return redirect(url_for("desk.series_page"), 303)


def _page(
    store: Session,
    publication: Publication,
    typed: dict[str, object] | None = None,
    faults: dict[str, str] | None = None,
) -> str:
    steps = welcome_series.steps(store, services().letters, publication)
    slugs = {step.issue.slug for step in steps}
    is_asking = "segment" in request.values
    narrowed = Narrowed(store, publication)
    chosen = segments.frozen_conditions(store, publication, narrowed.frozen, now())
    return frame.page(
        store,
        "welcome_series.html",
        "settings",
        publication,
        values=typed or {"series_on": publication.series_on, "series_days": publication.series_days},
        faults=faults or {},
        steps=[(step, issue_report.series_result(store, step.issue)) for step in steps],
        missing=[slug for slug in publication.series_issues if slug not in slugs],
        choices=[one for one in archive.titles(store, publication.id) if one.slug not in slugs],
        stopped=welcome_series.stopped(store, publication),
        readers=series_readers.count_inside(store, publication.id),
        narrowed=narrowed,
        outside=series_readers.count_outside(store, publication, *chosen) if is_asking else None,
        first_at=series_readers.next_time(publication, now(), 1),
        zone=publication.time_zone,
        pressed=request.args.get("pressed", ""),
    )
