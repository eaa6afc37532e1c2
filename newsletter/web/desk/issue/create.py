"""Creating an issue: from an empty page, a template, or as a copy of another; and saving templates."""

import re
from contextlib import suppress
from dataclasses import replace
from datetime import date
from http import HTTPStatus

from flask import flash, jsonify, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter import publications
from newsletter.db import Session
from newsletter.editorial.issues import create, drafts, issue_store, issue_templates, slugs
from newsletter.editorial.issues.create import Original
from newsletter.editorial.issues.drafts import Faulty, MergeConflict, UnknownDraft
from newsletter.editorial.models import Issue
from newsletter.editorial.schedule import weekly_slots
from newsletter.editorial.source.fields import LONGEST_LINE
from newsletter.editorial.source.issue_form import IssueForm
from newsletter.errors import Conflict, Invalid
from newsletter.publications import Publication
from newsletter.web import auth
from newsletter.web.context import asked_id, now, services
from newsletter.web.desk import audit_hook, frame, lookup
from newsletter.web.desk.error_pages import asks_for_json
from newsletter.web.desk.writing import editor_form
from newsletter.web.desk.writing import pages as writing_pages

_WEEKS = 8
_COPY = " (copy)"
_TOKEN = re.compile("[0-9a-f]{16}")


def begin_form() -> ResponseReturnValue:
    """An empty writing page. Its token is `?page=`, so that this address leads to the issue once there is one."""
    token = request.args.get("page", "")
    with services().sessions.reading() as store:
        if _TOKEN.fullmatch(token) and (begun := slugs.find_issue(store, slugs.provisional_slug(token))):
            return redirect(url_for("desk.write_form", slug=begun.slug), 303)
        publication = frame.current_publication(store)
        return writing_pages.empty_page(store, publication, token if _TOKEN.fullmatch(token) else "")


def begin() -> ResponseReturnValue:
    """Create an issue from an empty page, only once however often it is sent, or from a template; save its text."""
    typed = editor_form.form(request.form)
    try:
        slug = _ensure(typed)
    except Conflict:
        # Sent twice at once: the other request has just created it.
        slug = _ensure(typed)
    if asks_for_json():
        return _started(slug)
    return redirect(url_for("desk.write_form", slug=slug), 303) if _is_from_template() else writing_pages.write(slug)


def list_templates() -> str:
    """The templates that an issue can begin with."""
    with services().sessions.reading() as store:
        templates = issue_templates.publication_templates(store, frame.current_publication(store).id)
        return frame.page(store, "templates.html", "issues", templates=templates)


def duplicate(slug: str) -> ResponseReturnValue:
    """Begin an issue with a copy of this one's newest text."""
    with services().sessions.begin() as store:
        found = lookup.issue(store, slug)
        title = issue_store.parse_revision(found, found.revision).title
        pictures = issue_store.picture_names(found.revision)
        original = Original(found.revision.source, pictures, slugs.provisional_slug())
        copy = _create(store, found.publication, IssueForm(title=_title_of_copy(title)), original)
        return redirect(url_for("desk.write_form", slug=copy.slug), 303)


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
    return redirect(url_for("desk.list_templates"), 303)


def _title_of_copy(title: str) -> str:
    """Marks the title as that of a copy, shortened if it would be too long."""
    return f"{title[: LONGEST_LINE - len(_COPY)].rstrip()}{_COPY}" if title else ""


def _ensure(typed: IssueForm) -> str:
    """The slug of the page's issue, which is created if there is none yet."""
    token = request.form.get("page", "")
    page_slug = slugs.provisional_slug(token) if _TOKEN.fullmatch(token) else ""
    with services().sessions.begin() as store:
        issue = slugs.find_issue(store, page_slug) if page_slug else None
        issue = issue or _begin(store, typed, page_slug)
        audit_hook.set_issue(issue)
        return issue.slug


def _begin(store: Session, typed: IssueForm, page_slug: str) -> Issue:
    publication = _chosen_publication(store)
    if typed == IssueForm() and not _is_from_template() and not asks_for_json():
        raise Invalid("There is nothing to save yet. Write something first.")
    original = _original(store, publication)
    try:
        slug = "" if typed.slug or typed.title else page_slug
        issue = _create(store, publication, typed, replace(original, wished_slug=slug))
    except Faulty:
        # What cannot be a revision yet becomes a draft of it.
        issue = _create(store, publication, IssueForm(), replace(original, wished_slug=page_slug))
    if page_slug:
        slugs.claim(store, issue, page_slug)
    return issue


def _started(slug: str) -> ResponseReturnValue:
    """What the page's script needs to continue as the page of the new issue."""
    with services().sessions.begin() as store:
        issue = lookup.issue(store, slug)
        with suppress(MergeConflict, UnknownDraft):
            drafts.keep(store, issue, editor_form.first_text(store, issue), auth.email(), now())
        found = {"page": url_for("desk.write_form", slug=slug), "issue": lookup.issue_mark(issue)}
    return make_response(jsonify(found), HTTPStatus.CREATED)


def _create(store: Session, publication: Publication, typed: IssueForm, original: Original) -> Issue:
    day = _day(store, publication)
    return create.create_issue(store, publication, typed, day, auth.email(), now(), original)


def _original(store: Session, publication: Publication) -> Original:
    """The template that was chosen."""
    chosen = asked_id(request.form, "template")
    return create.EMPTY if chosen is None else issue_templates.find_template(store, publication.id, chosen).original


def _chosen_publication(store: Session) -> Publication:
    """The publication chosen on the page, which becomes the last one used; without a choice, the page's own."""
    if not (chosen := request.form.get("for")):
        return frame.current_publication(store)
    return frame.choose_publication(publications.find(store, chosen))


def _is_from_template() -> bool:
    return "template" in request.form


def _day(store: Session, publication: Publication) -> date:
    """The date of the next free slot; today without one."""
    entries = frame.calendar_of(store, publication).ahead(_WEEKS)
    free = (entry.at for entry in entries if entry.is_slot and not entry.issue and not entry.off)
    return weekly_slots.on_clocks(next(free, now()), publication.time_zone).date()
