"""The team's note on an issue: its form, and what comes back when a note is refused."""

from http import HTTPStatus

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.editorial.issues import issue_note
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict, Invalid
from newsletter.web import auth
from newsletter.web.context import now, services
from newsletter.web.desk import frame, lookup, words


def note_form(slug: str) -> str:
    """The note on a page of its own, for issues whose page reloads itself while they are sent."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        return _page(store, found, found.note)


def change_note(slug: str) -> ResponseReturnValue:
    """Save the note; if refused, the form comes back with what was typed, beside what somebody else wrote."""
    typed, seen = request.form.get("note", ""), request.form.get("number", -1, type=int)
    try:
        with services().sessions.begin() as store:
            found = lookup.issue(store, slug)
            issue_note.replace_note(store, found, typed, seen, auth.email(), now())
            flash("The note is saved." if found.note else "The note is removed.")
    except Invalid as error:
        return _refused(slug, typed, HTTPStatus.UNPROCESSABLE_ENTITY, fault=words.as_sentence(error))
    except Conflict as error:
        return _refused(slug, typed, HTTPStatus.CONFLICT, conflict=words.as_sentence(error))
    return redirect(url_for("desk.issue", slug=slug), 303)


def _refused(slug: str, typed: str, status: HTTPStatus, *, fault: str = "", conflict: str = "") -> ResponseReturnValue:
    with services().sessions.reading() as store:
        return _page(store, lookup.issue(store, slug), typed, fault, conflict), status


def _page(store: Session, found: Issue, typed: str, fault: str = "", conflict: str = "") -> str:
    values = {"typed": typed, "fault_text": fault, "conflict": conflict}
    return frame.page(store, "note.html", "issues", found.publication, issue=found, **values)
