"""Creating an issue: empty, from a template, or as a copy of another; and saving templates."""

from datetime import date
from http import HTTPStatus

from flask import flash, jsonify, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.editorial.issues import create, issue_store, issue_templates
from newsletter.editorial.issues.create import Original
from newsletter.editorial.issues.drafts import Faulty
from newsletter.editorial.schedule import weekly_slots
from newsletter.editorial.source import fields
from newsletter.editorial.source.issue_form import IssueForm
from newsletter.publications import Publication
from newsletter.web import auth
from newsletter.web.context import asked_id, now, services
from newsletter.web.desk import audit_hook, frame, lookup, words
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
            page = _create(store, publication, wanted, _original(store, publication))
    except Faulty as error:
        return _refused(wanted, error)
    return make_response(jsonify(page=page), HTTPStatus.CREATED) if asks_for_json() else redirect(page, 303)


def duplicate(slug: str) -> ResponseReturnValue:
    """Begin an issue with a copy of this one's newest text."""
    with services().sessions.begin() as store:
        found = lookup.issue(store, slug)
        text = Original(found.revision.source, issue_store.picture_names(found.revision))
        page = _create(store, found.publication, IssueForm(title=f"{found.title} (copy)"), text)
    return redirect(page, 303)


def save_template(slug: str) -> ResponseReturnValue:
    """Save the newest text of an issue as a template under the name that was typed."""
    with services().sessions.begin() as store:
        found = lookup.issue(store, slug)
        template = issue_templates.save_template(store, found, request.form.get("name", ""), auth.email(), now())
        flash(f"New issues can begin with the template “{template.name}” now.")
    return redirect(url_for("desk.issue", slug=slug), 303)


def delete_template(template_id: int) -> ResponseReturnValue:
    """Delete a template; issues that began with it stay as they are."""
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        template = issue_templates.find_template(store, publication.id, template_id)
        store.delete(template)
        audit_hook.set_publication(publication)
        audit_hook.add_details(template=template.name)
        flash(f"The template “{template.name}” is deleted.")
    return redirect(url_for("desk.begin_form"), 303)


def _create(store: Session, publication: Publication, typed: IssueForm, original: Original) -> str:
    """Create the issue; returns the page to write it on."""
    day = _day(store, publication)
    issue = create.create_issue(store, publication, typed, day, auth.email(), now(), original)
    audit_hook.set_issue(issue)
    return url_for("desk.write_form", slug=issue.slug)


def _original(store: Session, publication: Publication) -> Original:
    """The template that was chosen."""
    chosen = asked_id(request.form, "template")
    return create.EMPTY if chosen is None else issue_templates.find_template(store, publication.id, chosen).original


def _form(store: Session, wanted: IssueForm, faults: dict[str, str]) -> str:
    lengths = (fields.SUBJECT_LENGTH[0], fields.SUBJECT_LENGTH[-1])
    templates = issue_templates.publication_templates(store, frame.current_publication(store).id)
    return frame.page(
        store,
        "begin.html",
        "issues",
        wanted=wanted,
        faults=faults,
        subject_lengths=lengths,
        templates=templates,
        chosen=asked_id(request.form, "template"),
    )


def _refused(wanted: IssueForm, error: Faulty) -> ResponseReturnValue:
    if asks_for_json():
        return make_response(jsonify(fault=str(error)), HTTPStatus.UNPROCESSABLE_ENTITY)
    # In a form with two fields, each fault begins with the name of its field.
    faults = {fault.text.split(" ")[0]: words.as_sentence(fault.text) for fault in error.faults}
    with services().sessions.reading() as store:
        return _form(store, wanted, faults), HTTPStatus.UNPROCESSABLE_ENTITY


def _day(store: Session, publication: Publication) -> date:
    """The date of the next free slot; today without one."""
    entries = frame.calendar_of(store, publication).ahead(_WEEKS)
    free = (entry.at for entry in entries if entry.is_slot and not entry.issue and not entry.off)
    return weekly_slots.on_clocks(next(free, now()), publication.time_zone).date()
