"""Writing an issue, or a correction of one that is out: its fields as a form, its text in an editor, and the preview.

The page works without its script (assets/src/), which adds the editor, the live preview and autosave.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from http import HTTPStatus

import structlog
from flask import flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.editorial.issues import drafts, issue_store, issue_templates, slugs, snippets
from newsletter.editorial.issues.drafts import Faulty, MergeConflict
from newsletter.editorial.models import Draft, Issue
from newsletter.editorial.source import fields, front_matter, issue_file, issue_form
from newsletter.editorial.source.issue_form import IssueForm
from newsletter.errors import Conflict, Invalid
from newsletter.publications import Publication
from newsletter.web import auth, security
from newsletter.web.context import kept_query, now, services
from newsletter.web.desk import frame, lookup, previews
from newsletter.web.desk.writing import autosave, details, editor_form, live_preview, merge_view, save_state
from newsletter.web.desk.writing.editor_form import FieldFault
from newsletter.workflows import build_letter

_SUBJECT = fields.SUBJECT_LENGTH

log = structlog.get_logger(__name__)


def write_form(slug: str) -> ResponseReturnValue:
    """The editor's latest text; `?line=` is the line of the file to open at."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        draft = drafts.unsaved_draft(store, found, auth.email())
        if not (build_letter.is_open(found) or issue_store.is_out(found)):
            raise Conflict(f"“{found.title}” is {issue_store.state(found).phrase}, so its text stays as it is.")
        return _page(store, found, draft, _complaints(store, found, draft))


def empty_page(store: Session, publication: Publication, token: str) -> ResponseReturnValue:
    """The writing page before there is an issue: the first save of its text creates one, only once for each token."""
    token = token or secrets.token_hex(8)
    issue = Issue(publication=publication, slug=slugs.provisional_slug(token), title="", subject="", revision_number=1)
    templates = issue_templates.publication_templates(store, publication.id)
    values: dict[str, object] = {"draft": None, "last": None, "base": issue.revision_number, "mode": {}}
    values |= {"save_state": "Nothing to save yet.", "token": token, "has_templates": bool(templates)}
    return _render(store, issue, IssueForm(), values)


def write(slug: str) -> ResponseReturnValue:
    """Save the form as a revision; if it is invalid, show its faults beside the fields, and keep it as a draft."""
    try:
        _, draft, merged = autosave.store_draft(slug)
        with services().sessions.begin() as store:
            found = editor_form.issue(store, slug)
            save_state.require_writable(found)
            drafts.save(store, found, drafts.lock_draft(store, found, auth.email()), now())
            if "review" in request.form:
                return redirect(url_for("desk.review_correction", slug=found.slug), 303)
            flash(f"Saved as revision {found.revision_number}{merged}.")
            return redirect(url_for("desk.write_form", slug=found.slug, **kept_query()), 303)
    except Faulty as error:
        return _show_faults(slug, draft, error)
    except MergeConflict as error:
        return _both(slug, error)


def discard_draft(slug: str) -> ResponseReturnValue:
    """Discard the draft, and go back to the newest revision."""
    with services().sessions.begin() as store:
        found = lookup.issue(store, slug)
        draft = drafts.unsaved_draft(store, found, auth.email())
        if draft is not None:
            if str(draft.number) != request.form.get("draft"):
                raise Conflict("Your draft has been saved again since this page was opened. Look at it again first.")
            drafts.discard(store, found, draft)
            flash(f"Your draft is discarded. This is revision {found.revision_number}.")
    return redirect(url_for("desk.write_form", slug=found.slug, **kept_query()), 303)


def _show_faults(slug: str, draft: Draft, error: Faulty) -> ResponseReturnValue:
    with services().sessions.reading() as store:
        found = editor_form.issue(store, slug)
        complaints = editor_form.field_faults(draft.source, error.faults)
        return _page(
            store, found, drafts.unsaved_draft(store, found, auth.email()), complaints, HTTPStatus.UNPROCESSABLE_ENTITY
        )


def _both(slug: str, error: MergeConflict) -> ResponseReturnValue:
    """The merge view as a page, for browsers without scripts."""
    with services().sessions.reading() as store:
        found = editor_form.issue(store, slug)
        made = merge_view.merge_view(store, found, error)
        page = frame.page(store, "write_overlap.html", "issues", found.publication, issue=found, view=made)
    return page, HTTPStatus.CONFLICT


def _complaints(store: Session, found: Issue, draft: Draft | None) -> list[FieldFault]:
    """The faults of an unfinished draft; a revision has none."""
    if draft is None:
        return []
    try:
        faults = drafts.examine(store, found, draft.source).faults
        return editor_form.field_faults(draft.source, issue_file.lasting(faults))
    except Invalid as error:
        return [FieldFault("", 0, f"{error}.")]
    except Exception:
        # Whatever is wrong with a text, its editor must be able to open, correct or discard it.
        log.exception("a draft cannot be checked", issue=found.id)
        return [FieldFault("", 0, "This text cannot be checked. Fix what was typed last, or discard the draft.")]


def _page(
    store: Session, found: Issue, draft: Draft | None, complaints: Sequence[FieldFault], status: int = HTTPStatus.OK
) -> ResponseReturnValue:
    values = {
        "draft": draft,
        "last": drafts.latest_draft(store, found, auth.email()),
        "base": draft.base_number if draft else found.revision_number,
        "save_state": save_state.own_state(found, draft),
        "token": "",
        # The query that the addresses of the page's forms carry.
        "mode": {"correcting": 1} if issue_store.is_out(found) else {},
    }
    return _render(
        store, found, editor_form.current_form(found, draft), values, complaints, _goto(found, draft), status
    )


def _render(
    store: Session,
    found: Issue,
    form: IssueForm,
    values: Mapping[str, object],
    complaints: Sequence[FieldFault] = (),
    goto: issue_form.FormPlace | None = None,
    status: int = HTTPStatus.OK,
) -> ResponseReturnValue:
    nonce = secrets.token_urlsafe(16)
    common = {
        "issue": found,
        "form": form,
        "rows": [*map(asdict, form.sources), {"title": "", "url": ""}],
        "length": live_preview.length(form.body),
        "snippets": snippets.publication_snippets(store, found.publication.id),
        "details_line": details.details_line(form.title, form.subject, form.preheader),
        "details_open": details.are_needed(complaints, goto),
        "proposals": details.proposed(form),
        "complaints": complaints,
        "goto": goto,
        "view": previews.chosen_view(request.args, live_preview.VIEWS),
        "views": live_preview.VIEWS,
        "subject_lengths": (_SUBJECT[0], _SUBJECT[-1]),
        "nonce": nonce,
    }
    page = frame.page(store, "write.html", "issues", found.publication, **common, **values)
    answer = make_response(page, status)
    # The editor writes its styles into the page (docs/decisions/0012), so its own style sheets are allowed by a nonce.
    answer.headers["Content-Security-Policy"] = security.policy({"style-src": f"'self' 'nonce-{nonce}'"})
    return answer


def _goto(found: Issue, draft: Draft | None) -> issue_form.FormPlace | None:
    """The place in the form that `?field=` names, or that `?line=` of the issue's file refers to."""
    if (name := request.args.get("field", "")) in issue_form.FORM:
        return issue_form.FormPlace(name)
    line = request.args.get("line", "")
    if not re.fullmatch(r"[0-9]{1,7}", line):
        return None
    source = draft.source if draft else found.revision.source
    return issue_form.form_place(front_matter.split(source), int(line))
