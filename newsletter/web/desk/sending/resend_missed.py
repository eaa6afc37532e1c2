"""Readers who missed an issue, and sending it to them."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.i18n import formats
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, lookup
from newsletter.web.desk.goes_to import Narrowed
from newsletter.workflows import resend_missed


def missed_form(slug: str) -> str:
    """How many missed it, and why; for confirmation."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        narrowed = Narrowed(store, found.publication)
        return frame.page(
            store,
            "missed.html",
            "issues",
            found.publication,
            issue=found,
            missed=resend_missed.find_missed(store, found, now(), segment=narrowed.frozen),
            narrowed=narrowed,
            days=resend_missed.DAYS,
            version=lookup.version(found),
        )


def send_to_missed(slug: str) -> ResponseReturnValue:
    """Send it to them and, if requested, to readers who joined since."""
    joined = "joined" in request.form
    # Counted in a reading session, because on SQLite a writing one would block all other writers.
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        narrowed = Narrowed(store, found.publication)
        narrowed.require_unchanged()
        frozen = narrowed.frozen
        count = resend_missed.find_missed(store, found, now(), joined=joined, segment=frozen).copies
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        resend_missed.resend(store, found, now(), joined=joined, segment=frozen)
        audit_hook.add_details(copies=count, joined=joined, segment=frozen["name"] if frozen else None)
        flash(f"On its way to {formats.counted(count, 'reader')} who missed it.")
        letter_id = found.letter_id
    if letter_id is not None:
        resend_missed.resend_rest(services().sessions, letter_id, now(), joined=joined, segment=frozen)
    return redirect(url_for("desk.issue", slug=slug), 303)
