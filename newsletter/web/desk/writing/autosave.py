"""Autosave, for the script of the writing page: at every pause, when saving, and when the page is closed.

Every answer contains the state of the issue, so that changes by others or in another window are noticed at once.
"""

from dataclasses import asdict
from http import HTTPStatus

from flask import Response, jsonify, make_response, request

from newsletter.db import Session
from newsletter.editorial.issues import drafts, presence, slugs
from newsletter.editorial.issues.drafts import EditorText, Faulty, MergeConflict, OtherTabConflict, UnknownDraft
from newsletter.editorial.models import Draft, Issue
from newsletter.editorial.source import issue_form
from newsletter.web import auth
from newsletter.web.context import now, services
from newsletter.web.desk.writing import editor_form, merge_view, save_state


def keep_draft(slug: str) -> Response:
    """Store the text as this editor's draft and, from time to time, if it is valid, as a revision."""
    try:
        with services().sessions.begin() as store:
            found = editor_form.issue(store, slug)
            typed = editor_form.text(store, found)
            draft = drafts.keep(store, found, typed, auth.email(), now())
            if not draft.saved and save_state.is_writable(found) and drafts.is_due(draft, now()):
                drafts.save_if_valid(store, found, draft, now())
            return jsonify(_state(store, found, typed, draft))
    except UnknownDraft:
        return _asked_back()
    except MergeConflict as error:
        return _overlaps(slug, error)


def save_text(slug: str) -> Response:
    """Save the text as the newest revision; it is stored as a draft first, so a failure loses nothing."""
    try:
        typed, draft, _ = store_draft(slug)
        with services().sessions.begin() as store:
            found = editor_form.issue(store, slug)
            save_state.require_writable(found)
            saved = drafts.lock_draft(store, found, auth.email())
            drafts.save(store, found, saved, now())
            return jsonify(_state(store, found, typed, saved))
    except Faulty as error:
        return _faulty(slug, draft, error)
    except UnknownDraft:
        return _asked_back()
    except MergeConflict as error:
        return _overlaps(slug, error)


def leave_page(slug: str) -> Response:
    """The page is closed: store the last text, and make a revision if it is valid; 409 if it could not be stored."""
    stored = make_response("", HTTPStatus.NO_CONTENT)
    with services().sessions.begin() as store:
        found = editor_form.issue(store, slug)
        if drafts.is_late(
            drafts.latest_draft(store, found, auth.email()), editor_form.window_name(), editor_form.window_turn()
        ):
            # The same tab has the page open again, and its text has changed since.
            return stored
        presence.leave(store, found, editor_form.window_name(), now())
        if "body" in request.form:
            try:
                drafts.keep(store, found, editor_form.text(store, found), auth.email(), now())
            except (MergeConflict, UnknownDraft):
                stored = make_response("", HTTPStatus.CONFLICT)
        draft = drafts.unsaved_draft(store, found, auth.email())
        if draft and save_state.is_writable(found) and not _has_other_window(store, found):
            drafts.save_if_valid(store, found, draft, now())
    return stored


def say_hello(slug: str) -> Response:
    """The page was opened: who else is editing the issue, and what was saved meanwhile."""
    with services().sessions.begin() as store:
        found = editor_form.issue(store, slug)
        presence.announce(store, found, editor_form.window_name(), auth.email(), now())
        return jsonify(save_state.save_state(store, found, editor_form.base_revision()))


def store_draft(slug: str) -> tuple[EditorText, Draft, str]:
    """The submitted text, the draft stored from it, and a sentence on what was merged into it."""
    with services().sessions.begin() as store:
        found = editor_form.issue(store, slug)
        typed = editor_form.text(store, found)
        draft = drafts.keep(store, found, typed, auth.email(), now())
        return typed, draft, save_state.merge_notice(store, found, typed, draft)


def _state(store: Session, found: Issue, typed: EditorText, draft: Draft) -> dict[str, object]:
    """The state of the issue; also the form, if something was merged into it."""
    state = save_state.save_state(store, found)
    if draft.source == typed.source:
        return state
    state["said"] = f"{str(state['said']).removesuffix('.')}{save_state.merge_notice(store, found, typed, draft)}."
    return state | {"form": asdict(issue_form.parse_form(draft.source, slugs.shown_slug(found)))}


def _has_other_window(store: Session, found: Issue) -> bool:
    """Whether the same editor has another window open that continues from the current draft."""
    others = presence.others(store, found, editor_form.window_name(), now())
    return any(one.editor == auth.email() for one in others)


def _faulty(slug: str, draft: Draft, error: Faulty) -> Response:
    with services().sessions.reading() as store:
        state = save_state.save_state(store, editor_form.issue(store, slug))
    found = editor_form.field_faults(draft.source, error.faults)
    document = {"fault": save_state.next_step(found), "faults": found}
    return make_response(jsonify(state | document), HTTPStatus.UNPROCESSABLE_ENTITY)


def _asked_back() -> Response:
    """Asks the window for its base text, without which the two texts cannot be merged."""
    return make_response(jsonify(fault="The draft has changed in another window.", ask="before"), HTTPStatus.CONFLICT)


def _overlaps(slug: str, error: MergeConflict) -> Response:
    """The merge view, and whether the submitted text was stored as a draft."""
    with services().sessions.reading() as store:
        found = editor_form.issue(store, slug)
        document = {"fault": str(error), "kept": not isinstance(error, OtherTabConflict)}
        document["overlap"] = merge_view.fragment(merge_view.merge_view(store, found, error))
        return make_response(jsonify(save_state.save_state(store, found) | document), HTTPStatus.CONFLICT)
