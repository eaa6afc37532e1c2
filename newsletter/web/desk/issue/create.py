"""Creating an issue."""

from datetime import date
from http import HTTPStatus

from flask import jsonify, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.editorial.issues import create
from newsletter.editorial.issues.drafts import Faulty
from newsletter.editorial.schedule import weekly_slots
from newsletter.editorial.source import fields
from newsletter.editorial.source.issue_form import IssueForm
from newsletter.publications import Publication
from newsletter.web import auth
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame
from newsletter.web.desk.error_pages import asks_for_json
from newsletter.web.desk.writing import editor_form

_WEEKS = 8


def begin_form() -> str:
    """Ask for the title and the date."""
    with services().sessions.reading() as store:
        return _form(store, IssueForm(), {})


def begin() -> ResponseReturnValue:
    """Create an issue for the next free slot; with a text, restore one that was deleted while it was being written."""
    wanted = editor_form.form(request.form)
    try:
        with services().sessions.begin() as store:
            publication = frame.current_publication(store)
            issue = create.create_issue(store, publication, wanted, _day(store, publication), auth.email(), now())
            audit_hook.set_issue(issue)
            page = url_for("desk.write_form", slug=issue.slug)
    except Faulty as error:
        return _refused(wanted, error)
    return make_response(jsonify(page=page), HTTPStatus.CREATED) if asks_for_json() else redirect(page, 303)


def _form(store: Session, wanted: IssueForm, faults: dict[str, str]) -> str:
    lengths = (fields.SUBJECT_LENGTH[0], fields.SUBJECT_LENGTH[-1])
    return frame.page(store, "begin.html", "issues", wanted=wanted, faults=faults, subject_lengths=lengths)


def _refused(wanted: IssueForm, error: Faulty) -> ResponseReturnValue:
    if asks_for_json():
        return make_response(jsonify(fault=str(error)), HTTPStatus.UNPROCESSABLE_ENTITY)
    # In a form with two fields, each fault begins with the name of its field.
    faults = {fault.text.split(" ")[0]: f"{fault.text[:1].upper()}{fault.text[1:]}." for fault in error.faults}
    with services().sessions.reading() as store:
        return _form(store, wanted, faults), HTTPStatus.UNPROCESSABLE_ENTITY


def _day(store: Session, publication: Publication) -> date:
    """The date of the next free slot; today without one."""
    entries = frame.calendar_of(store, publication).ahead(_WEEKS)
    free = (entry.at for entry in entries if entry.is_slot and not entry.issue and not entry.off)
    return weekly_slots.on_clocks(next(free, now()), publication.time_zone).date()
