"""One act on several issues selected in the list; for each issue it succeeds or is refused separately."""

from collections.abc import Callable, Mapping

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import OVERTAKEN, Session
from newsletter.editorial.issues import issue_bin
from newsletter.editorial.models import Issue, Readiness
from newsletter.editorial.schedule import queue
from newsletter.errors import Invalid, PressError
from newsletter.i18n import formats
from newsletter.web import auth
from newsletter.web.context import kept_query, now, services
from newsletter.web.desk import audit_hook, lookup
from newsletter.workflows import issue_readiness

_MOST = 50
_MOST_REFUSALS = 5


def _ready(store: Session, issue: Issue) -> None:
    issue_readiness.change_readiness(store, issue, services().links, Readiness.READY)


def _draft(store: Session, issue: Issue) -> None:
    issue_readiness.change_readiness(store, issue, services().links, Readiness.DRAFT)


def _enqueue(store: Session, issue: Issue) -> None:
    queue.add(store, issue, now())


def _delete(store: Session, issue: Issue) -> None:
    issue_bin.discard(store, issue, auth.email(), now())


_ACTS: Mapping[str, tuple[Callable[[Session, Issue], None], str]] = {
    "ready": (_ready, "marked as ready"),
    "draft": (_draft, "marked as draft"),
    "queue": (_enqueue, "added to the queue"),
    "delete": (_delete, f"moved to the bin for {issue_bin.KEPT_FOR.days} days"),
}


def change_chosen() -> ResponseReturnValue:
    """Do one act with each selected issue; those that refuse it stay as they are, and are named."""
    name, chosen = request.form.get("do", ""), request.form.getlist("issue")[:_MOST]
    if name not in _ACTS or not chosen:
        raise Invalid("Select some issues first, then press a button below the list.")
    act, words = _ACTS[name]
    refusals = [refusal for each in chosen if (refusal := _change(each, name, act))]
    if done := len(chosen) - len(refusals):
        flash(f"{formats.counted(done, 'issue')} {words}.")
    for refusal in refusals[:_MOST_REFUSALS]:
        flash(refusal)
    if (more := len(refusals) - _MOST_REFUSALS) > 0:
        flash(f"{formats.counted(more, 'other issue')} could not be changed either.")
    return redirect(url_for("desk.issues", **kept_query()), 303)


def _change(chosen: str, name: str, act: Callable[[Session, Issue], None]) -> str:
    """Do the act with one issue in a transaction of its own; returns why it was refused, or nothing."""
    slug, _, version = chosen.partition(" ")
    audit_hook.renew_entry()
    try:
        with services().sessions.begin() as store:
            found = lookup.require_unchanged(store, slug, {"version": version})
            act(store, found)
            audit_hook.add_details(act=name)
    except PressError as error:
        return str(error)
    except OVERTAKEN:
        return f"“{slug}” has just been changed or deleted by somebody else."
    return ""
