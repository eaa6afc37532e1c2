"""Putting an issue into a slot: chosen from the issue, from the slot, or by dragging on the calendar."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import HIGHEST_ID, Session
from newsletter.editorial.issues import desk_index, digests, listing
from newsletter.editorial.issues.listing import Criteria
from newsletter.editorial.models import Issue, IssueState
from newsletter.editorial.schedule import queue
from newsletter.i18n import formats
from newsletter.web.context import now, page_request, services
from newsletter.web.desk import audit_hook, frame, lookup, undo_flash
from newsletter.web.desk.sending import moments
from newsletter.workflows import build_letter, issue_readiness, place_issue
from newsletter.workflows.place_issue import Origin

_SLOTS = 12
_A_PAGE = 20


def choose_slot(slug: str) -> str:
    """The coming slots, for an issue to be put into one of them."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        digests.require_issue(found)
        if not build_letter.is_waiting(found):
            issue_readiness.require_schedulable(found, services().links)
        entries = frame.calendar_of(store, found.publication).ahead(_SLOTS)
        return frame.page(
            store,
            "choose_slot.html",
            "issues",
            found.publication,
            issue=found,
            entries=[entry for entry in entries if entry.is_slot and not entry.is_due],
            can_take=place_issue.can_take,
            mark_of=place_issue.slot_mark,
            back=undo_flash.asked_back(),
        )


def choose_issue() -> str:
    """The ready issues, for one of them to be put into the slot at `?at=`."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        calendar = frame.calendar_of(store, publication)
        entry = place_issue.require_open_slot(calendar, moments.parse_instant(request.args.get("at", "")))
        typed = desk_index.clean_search(request.args.get("q", ""))
        wanted = Criteria(IssueState.READY, typed)
        page = listing.page(store, publication, wanted, page_request(HIGHEST_ID), _A_PAGE)
        return frame.page(
            store,
            "choose_issue.html",
            "calendar",
            publication,
            entry=entry,
            mark=place_issue.slot_mark(entry),
            page=page,
            typed=typed,
            blockers={issue.id: issue_readiness.blocker(issue, services().links) for issue in page.rows},
            queued={issue_id: place for place, issue_id in enumerate(queue.order(store, publication.id), 1)},
            back=undo_flash.asked_back(),
        )


def place_in_slot(slug: str) -> ResponseReturnValue:
    """Put an issue into a slot, with a way to undo it."""
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        origin = Origin.find(store, found)
        calendar = frame.calendar_of(store, found.publication)
        at = moments.parse_instant(request.form.get("moment", ""))
        letter = place_issue.place(store, services().letters, found, calendar, at, request.form.get("seen", ""))
        audit_hook.add_details(moment=letter.due_at.isoformat())
        _offer_undo(store, found, origin)
    # Where the message is: at the top of the page.
    return redirect(undo_flash.return_url(slug, anchor=None), 303)


def put_back(slug: str) -> ResponseReturnValue:
    """Undo that an issue was put into a slot: it goes back to where it was."""
    origin = Origin.parse(request.form.get("origin", ""))
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        place_issue.put_back(store, services().letters, found, origin, now())
        flash(f"Undone: {_whereabouts(store, found)}")
    # Where the message is: at the top of the page.
    return redirect(undo_flash.return_url(slug, anchor=None), 303)


def _offer_undo(store: Session, found: Issue, origin: Origin) -> None:
    if origin.at and origin.at < now():
        # It was held, and its time does not come back.
        origin = Origin()
    fields = [("version", lookup.version(found)), ("origin", origin.field)]
    action = url_for("desk.put_back", slug=found.slug)
    undo_flash.flash_with_fields(_whereabouts(store, found), "Undo", action, fields)


def _whereabouts(store: Session, found: Issue) -> str:
    if found.letter and build_letter.is_waiting(found):
        when = formats.moment(found.letter.due_at, found.publication.time_zone)
        return f"“{found.title}” is scheduled for {when}."
    if place := queue.position(store, found):
        return f"“{found.title}” is number {place} in the queue."
    return f"“{found.title}” is ready, and goes to nobody until it is scheduled or queued."
