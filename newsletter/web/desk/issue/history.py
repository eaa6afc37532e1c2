"""The history of an issue's text: revisions, diffs between them, and restoring an older one."""

import re

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import HIGHEST_ID, Session
from newsletter.editorial.issues import diff, drafts, issue_store
from newsletter.editorial.issues.issue_store import Saved
from newsletter.editorial.models import Issue, Revision
from newsletter.errors import Conflict
from newsletter.web import auth
from newsletter.web.context import now, page_request, services
from newsletter.web.desk import audit_hook, frame, lookup
from newsletter.web.desk.writing import save_state

_A_PAGE = 50
_A_CHOICE = 200
"""The number of revisions offered for comparison; the URL accepts any."""


def history(slug: str) -> str:
    """Who saved which revision when, and unsaved drafts; `?before=` and `?after=` page."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        return frame.page(
            store,
            "history.html",
            "issues",
            found.publication,
            issue=found,
            page=issue_store.revisions(store, found, page_request(HIGHEST_ID), _A_PAGE),
            unsaved=store.scalars(drafts.unsaved_drafts(found)).all(),
        )


def revision(slug: str, number: int) -> str:
    """The diff of a revision to the one before it, or to `?against=`."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        new = issue_store.revision(store, found, number)
        old = _against(store, found, new)
        return frame.page(
            store,
            "revision.html",
            "issues",
            found.publication,
            issue=found,
            new=new,
            old=old,
            pieces=diff.fold_unchanged(diff.compare(old.source if old else "", new.source)),
            numbers=range(found.revision_number, 0, -1)[:_A_CHOICE],
            version=lookup.version(found),
        )


def unsaved_text(slug: str) -> str:
    """The diff of one's own draft to the revision that it is based on."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        draft = drafts.unsaved_draft(store, found, auth.email())
        if draft is None:
            raise Conflict(f"You have no unsaved changes in “{found.title}”.")
        old = issue_store.revision(store, found, draft.base_number)
        pieces = diff.fold_unchanged(diff.compare(old.source, draft.source))
        return frame.page(store, "unsaved.html", "issues", found.publication, issue=found, draft=draft, pieces=pieces)


def restore_revision(slug: str, number: int) -> ResponseReturnValue:
    """Make an older text the newest revision; the others stay."""
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        save_state.require_writable(found, "Nothing was done.")
        audit_hook.add_details(revision=number)
        saved = drafts.restore(store, found, issue_store.revision(store, found, number), auth.email(), now())
        outcome = "is already the newest" if saved is Saved.SAME else f"is now revision {found.revision_number}"
        flash(f"The text of revision {number} {outcome}.")
    return redirect(url_for("desk.history", slug=found.slug), 303)


def _against(store: Session, found: Issue, new: Revision) -> Revision | None:
    asked = request.args.get("against", "")
    number = int(asked) if re.fullmatch(r"[0-9]{1,9}", asked) else new.number - 1
    return issue_store.revision(store, found, number) if number else None
