"""Scheduling an issue: choose a time, read what will happen, and confirm."""

from datetime import datetime

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.editorial.models import Issue
from newsletter.editorial.schedule import weekly_slots
from newsletter.errors import Invalid
from newsletter.i18n import formats
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, lookup, outlook, undo_flash
from newsletter.web.desk.sending import moments
from newsletter.workflows import issue_readiness, publish


def schedule_form(slug: str) -> ResponseReturnValue:
    """Ask for a time; with `?at=`, say what will happen then, or beside the field why it is not possible."""
    typed = request.args.get("at", "")
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        issue_readiness.require_schedulable(found, services().links)
        at, fault = _chosen(typed, found.publication.time_zone) if "at" in request.args else (None, "")
        return _page(store, found, typed, at, fault), 422 if fault else 200


def schedule_issue(slug: str) -> ResponseReturnValue:
    """Schedule the issue for the confirmed time, which freezes it."""
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        at = moments.parse_instant(request.form.get("moment", ""))
        letter = publish.schedule(store, services().letters, found, at, now())
        audit_hook.add_details(moment=letter.due_at.isoformat())
        when = formats.moment(letter.due_at, found.publication.time_zone)
        undo_flash.flash_with_action(
            f"Scheduled for {when}.", "Unschedule", url_for("desk.unschedule", slug=slug), found
        )
    return redirect(undo_flash.return_url(slug), 303)


def unschedule(slug: str) -> ResponseReturnValue:
    """Unschedule an issue that has not started; it is ready again."""
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        at = publish.unschedule(store, found, now())
        when = formats.moment(at, found.publication.time_zone)
        sentence = f"Unscheduled: “{found.title}” does not go out on {when}. It is ready."
        undo_flash.flash_with_action(sentence, "Add to the queue", url_for("desk.enqueue", slug=slug), found)
    return redirect(undo_flash.return_url(slug), 303)


def _chosen(typed: str, time_zone: str) -> tuple[datetime | None, str]:
    try:
        at = weekly_slots.parse_local(typed, time_zone)
    except Invalid as error:
        return None, str(error)
    if at < now():
        return None, f"{formats.moment(at, time_zone)} has passed. Choose a time in the future."
    return at, ""


def _second(at: datetime, time_zone: str) -> str:
    """The second occurrence of this local time, when clocks are set back; empty if there is only one."""
    later = weekly_slots.second_occurrence(at, time_zone)
    return later.astimezone(weekly_slots.zone(time_zone)).isoformat(" ", "minutes") if later else ""


def _page(store: Session, found: Issue, typed: str, at: datetime | None, fault: str) -> str:
    ahead = outlook.of_issue(store, found)
    suggested = moments.for_input(ahead.next_free, found.publication.time_zone) if ahead.next_free else ""
    return frame.page(
        store,
        "schedule.html",
        "issues",
        found.publication,
        issue=found,
        outlook=ahead,
        typed=typed or suggested,
        at=at,
        last_hour=outlook.last_hour(store, found, at) if at else None,
        fault=fault,
        twice=at and formats.which_of_two(at, found.publication.time_zone),
        second=_second(at, found.publication.time_zone) if at else "",
        version=lookup.version(found),
    )
