"""Starting, pausing, resuming and cancelling an issue; each is confirmed on a page that says what it does."""

from collections.abc import Callable

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, IssueState
from newsletter.errors import Conflict
from newsletter.i18n import formats
from newsletter.web.context import now, services
from newsletter.web.desk import frame, lookup, outlook, words
from newsletter.workflows import halt_issue, issue_readiness, publish

_STOPPABLE = (IssueState.SCHEDULED, IssueState.SENDING, IssueState.PAUSED)


def send_form(slug: str) -> str:
    """Say what sending now does, for confirmation."""
    return _question(slug, "send.html", _require_sendable)


def send(slug: str) -> ResponseReturnValue:
    """Start sending the issue."""
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        started = publish.send_now(store, services().letters, found, now())
        flash(f"On its way to {formats.counted(started.copies, 'reader')}.")
    return _back(slug)


def cancel_form(slug: str) -> str:
    """Say what cancelling stops and what it does not, for confirmation."""
    return _question(slug, "cancel.html", _require_stoppable)


def cancel(slug: str) -> ResponseReturnValue:
    """Cancel the issue: what was sent stays sent, and nothing more goes out."""
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        had_begun = issue_store.is_out(found)
        was_going = issue_store.state(found) is IssueState.SENDING
        spared = halt_issue.cancel(store, found, now())
        stopped = words.stopped(spared, was_going=was_going)
        flash(stopped if had_begun else f"Unscheduled. “{found.title}” goes to nobody until it is scheduled again.")
    return _back(slug)


def pause(slug: str) -> ResponseReturnValue:
    """Pause the issue; the rest waits until somebody resumes. `then=correct` goes on to its text."""
    done = _move(slug, halt_issue.pause, "Paused. Copies that are being sent right now still go out; the rest wait.")
    return redirect(url_for("desk.write_form", slug=slug), 303) if request.form.get("then") == "correct" else done


def resume(slug: str) -> ResponseReturnValue:
    """Resume a paused issue."""
    return _move(slug, lambda store, found: halt_issue.resume(store, found, now()), "Sending has resumed.")


def _question(slug: str, template: str, require: Callable[[Issue], None]) -> str:
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        require(found)
        return frame.page(
            store,
            template,
            "issues",
            found.publication,
            issue=found,
            outlook=outlook.of_issue(store, found),
            last_hour=outlook.last_hour(store, found, now()),
            version=lookup.version(found),
        )


def _move(slug: str, move: Callable[[Session, Issue], None], done: str) -> ResponseReturnValue:
    with services().sessions.begin() as store:
        move(store, lookup.require_unchanged(store, slug, request.form))
        flash(done)
    return _back(slug)


def _require_sendable(found: Issue) -> None:
    if not (issue_store.state(found) is IssueState.SCHEDULED or words.is_held(found)):
        issue_readiness.require_schedulable(found, services().links)


def _require_stoppable(found: Issue) -> None:
    if issue_store.state(found) not in _STOPPABLE:
        raise Conflict(f"“{found.title}” is {issue_store.state(found).phrase}, so there is nothing to stop.")


def _back(slug: str) -> ResponseReturnValue:
    return redirect(url_for("desk.issue", slug=slug), 303)
