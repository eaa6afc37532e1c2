"""Keeping what is typed, for the writing page's script: at every pause, on saving, and when the page is left.

Every answer says where the issue stands by now, so that a colleague or a second window is noticed at once.
"""

from contextlib import suppress
from http import HTTPStatus

from flask import Response, jsonify, make_response, request

from newsletter import printing
from newsletter.db import Session
from newsletter.editorial import company, drafts
from newsletter.editorial.drafts import Elsewhere, Faulty
from newsletter.editorial.models import Draft, Issue
from newsletter.editorial.shelf import Outdated
from newsletter.errors import Conflict, NotFound
from newsletter.web import auth
from newsletter.web.desk import standing, typed
from newsletter.web.house import house, now


def keep_draft(slug: str) -> Response:
    """Keep the text as its editor's draft; now and then, when it is whole, as a revision."""
    try:
        with house().sessions.begin() as store:
            found = typed.issue(store, slug)
            draft = drafts.keep(store, found, typed.text(store, found), auth.email(), now())
            if printing.is_open(found) and drafts.is_due(draft, now()):
                drafts.settle(store, found, draft, now())
            return jsonify(standing.of(store, found))
    except Elsewhere as error:
        return _differs(slug, error)


def save_text(slug: str) -> Response:
    """Make the text the newest revision; whatever stands in the way, it is kept as a draft first."""
    try:
        draft = kept(slug)
        with house().sessions.begin() as store:
            found = typed.issue(store, slug)
            standing.require_open(found)
            drafts.save(store, found, draft, now())
            return jsonify(standing.of(store, found))
    except Faulty as error:
        return _faulty(slug, draft, error)
    except (Elsewhere, Outdated) as error:
        return _differs(slug, error)


def leave_page(slug: str) -> Response:
    """The page is closed: keep what came with the last word, and make a revision of it if it is whole."""
    with suppress(NotFound), house().sessions.begin() as store:
        found = typed.issue(store, slug)
        company.leave(store, found, typed.tab(), now())
        if "body" in request.form:
            with suppress(Elsewhere):
                drafts.keep(store, found, typed.text(store, found), auth.email(), now())
        draft = drafts.own(store, found, auth.email())
        if draft and printing.is_open(found) and not _writes_on(store, found):
            drafts.settle(store, found, draft, now())
    return make_response("", HTTPStatus.NO_CONTENT)


def say_hello(slug: str) -> Response:
    """This window is open: who else writes here, and what was saved meanwhile."""
    with house().sessions.begin() as store:
        found = typed.issue(store, slug)
        company.meet(store, found, typed.tab(), auth.email(), now())
        return jsonify(standing.of(store, found, typed.base()))


def kept(slug: str) -> Draft:
    """The text, kept as its editor's draft, whatever may become of it after that."""
    with house().sessions.begin() as store:
        found = typed.issue(store, slug)
        return drafts.keep(store, found, typed.text(store, found), auth.email(), now())


def _writes_on(store: Session, found: Issue) -> bool:
    """Whether the same editor has another window open, which goes on from the draft as it is."""
    others = company.others(store, found, typed.tab(), now())
    return any(one.editor == auth.email() for one in others)


def _faulty(slug: str, draft: Draft, error: Faulty) -> Response:
    with house().sessions.reading() as store:
        stands = standing.of(store, typed.issue(store, slug))
    found = typed.complaints(draft.source, error.faults)
    told = {"fault": standing.mend(found), "faults": found}
    return make_response(jsonify(stands | told), HTTPStatus.UNPROCESSABLE_ENTITY)


def _differs(slug: str, error: Conflict) -> Response:
    """Both texts, for their writer to put together."""
    with house().sessions.reading() as store:
        found = typed.issue(store, slug)
        told = {"fault": str(error), "mine": typed.text(store, found).source, **standing.theirs(store, found, error)}
        return make_response(jsonify(standing.of(store, found) | told), HTTPStatus.CONFLICT)
