"""Who missed an issue, and the button that sends it to them after all."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter import missed
from newsletter.web.desk import acts, frame, lookup, words
from newsletter.web.house import house, now


def missed_form(slug: str) -> str:
    """How many missed it, and why, before anything is done."""
    with house().sessions.reading() as store:
        found = lookup.issue(store, slug)
        return frame.page(
            store,
            "missed.html",
            "issues",
            found.publication,
            issue=found,
            missed=missed.look(store, found, now()),
            days=missed.DAYS,
            version=lookup.version(found),
        )


def send_to_missed(slug: str) -> ResponseReturnValue:
    """Send it to them, and to those who joined since if that is said."""
    with house().sessions.begin() as store:
        found = lookup.unchanged(store, slug, request.form)
        sent = missed.send(store, found, now(), joined="joined" in request.form)
        acts.tell(copies=sent.copies, joined=sent.with_joined)
        flash(f"On its way to {words.counted(sent.copies, 'reader')} who missed it.")
    return redirect(url_for("desk.issue", slug=slug), 303)
