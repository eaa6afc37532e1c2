"""The queue at the desk: add, remove and reorder issues."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.editorial.models import Issue
from newsletter.editorial.schedule import queue
from newsletter.errors import Conflict
from newsletter.i18n import formats
from newsletter.web.context import now, parse_id, services
from newsletter.web.desk import audit_hook, fill_offer, frame, lookup, undo_flash
from newsletter.workflows import fill_queue as filling
from newsletter.workflows import issue_readiness

_UP = "up"


def enqueue(slug: str) -> ResponseReturnValue:
    """Add a ready issue to the end of the queue."""
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        queue.add(store, found, now())
        flash(_queued_message(store, found))
    return redirect(undo_flash.return_url(slug), 303)


def unqueue(slug: str) -> ResponseReturnValue:
    """Remove an issue from the queue; it stays ready."""
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        if not queue.remove(store, found.id):
            raise Conflict(f"“{found.title}” is no longer in the queue.")
        flash(f"“{found.title}” has been removed from the queue.")
    return redirect(undo_flash.return_url(slug), 303)


def reorder() -> ResponseReturnValue:
    """Set the order that was dragged, or move one issue by one place; Conflict if the queue has changed meanwhile."""
    way, _, named = request.form.get("move", "").partition("-")
    moved = parse_id(named)
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        seen = _numbers("seen")
        wanted = _numbers("order") if "order" in request.form else _moved_by_one(seen, moved, way)
        audit_hook.set_publication(publication)
        queue.reorder(store, publication.id, seen, wanted)
        title = store.get_one(Issue, moved).title if moved in wanted else "The queue"
        place = wanted.index(moved) + 1 if moved in wanted else 1
        flash(f"“{title}” is {place} of {len(wanted)} in the queue.")
    # Without a fragment, because a browser that follows one moves the focus there.
    month = undo_flash.month_back()
    return redirect(url_for("desk.calendar", month=month, pressed=f"{way}-{moved}"), 303)


def fill_queue() -> ResponseReturnValue:
    """Add the issues that are ready to the queue, as the page said before, with a way to undo it."""
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        audit_hook.set_publication(publication)
        planned = filling.carry_out(frame.calendar_of(store, publication), request.form.get("mark", ""))
        audit_hook.add_details(issues=len(planned.issues))
        count = len(planned.issues)
        sentence = (
            f"{formats.counted(count, 'issue')} {formats.plural(count, 'is', 'are')} in the queue now, "
            f"for {fill_offer.slot_days(planned.entries)}."
        )
        marks = ",".join(lookup.issue_mark(issue) for issue in planned.issues)
        undo_flash.flash_with_fields(sentence, "Undo", url_for("desk.unfill_queue"), [("issues", marks)])
    return redirect(url_for("desk.calendar", month=undo_flash.month_back()), 303)


def unfill_queue() -> ResponseReturnValue:
    """Undo that issues were added together: those that are still in the queue leave it."""
    marks = set(request.form.get("issues", "").split(","))
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        audit_hook.set_publication(publication)
        added = [one for one in store.scalars(queue.listing(publication.id)) if lookup.issue_mark(one) in marks]
        for issue in added:
            queue.remove(store, issue.id)
        count = len(added)
        does = formats.plural(count, "has", "have")
        flash(f"Undone: {formats.counted(count, 'issue')} {does} been removed from the queue.")
    return redirect(url_for("desk.calendar", month=undo_flash.month_back()), 303)


def _queued_message(store: Session, found: Issue) -> str:
    if blocker := issue_readiness.blocker(found, services().links):
        return f"“{found.title}” is in the queue. It {blocker.lack}, and is passed over until that is fixed."
    entry = frame.calendar_of(store, found.publication).queued_entry(found)
    slot = f", for {formats.moment(entry.at, entry.time_zone)}" if entry else ""
    return f"“{found.title}” is in the queue{slot}."


def _moved_by_one(seen: list[int], moved: int, way: str) -> list[int]:
    if moved not in seen:
        return seen
    at = seen.index(moved)
    to = max(0, at - 1) if way == _UP else at + 1
    rest = [one for one in seen if one != moved]
    return [*rest[:to], moved, *rest[to:]]


def _numbers(field: str) -> list[int]:
    return [parse_id(text) for text in request.form.get(field, "").split(",") if text]
