"""The list of issues, and one issue: what it is, whether it is fit to print, and what will happen to it."""

from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.delivery.models import Counts
from newsletter.editorial.issues import drafts, issue_store, listing
from newsletter.editorial.models import Issue, IssueState, Readiness
from newsletter.editorial.preflight import Level
from newsletter.editorial.schedule import queue
from newsletter.editors import Role
from newsletter.errors import Conflict
from newsletter.pagination import FIRST_PAGE
from newsletter.web.context import services
from newsletter.web.desk import audit_hook, frame, lookup, previews, progress_view, timed_cache, undo_flash, words
from newsletter.web.desk.issue import preflight
from newsletter.web.desk.progress_view import ProgressView
from newsletter.workflows import approve_issue, build_letter, test_mail
from newsletter.workflows.run_preflight import Inspection

_AT_FIRST = 10
_A_PAGE = 50
_HIGHEST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the page of one issue knows of its future and its past."""

    inspection: Inspection | None
    """What preflight says, while the issue is open."""
    audience: int
    next_free: datetime | None
    """The first weekly slot that no other issue holds, or the one that its place in the queue gives it."""
    place: int | None
    """Where it stands in the queue, the first being 1."""
    going: ProgressView | None
    """How it goes, once it has begun."""

    @property
    def counts(self) -> Counts | None:
        """Where its copies stand, once there are any."""
        return self.going.counts if self.going else None

    @property
    def waiting(self) -> int:
        """How many copies have not come to their end."""
        return self.going.waiting if self.going else 0

    @property
    def blocking(self) -> int:
        """How many findings stop the issue."""
        return len(self.inspection.of(Level.BLOCKING)) if self.inspection else 0


def home() -> ResponseReturnValue:
    """The desk opens on the issues."""
    return redirect(url_for("desk.issues", publication=request.args.get("publication")))


def issues() -> str:
    """The first issues of each state; `?state=` for those of one, page by page."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        counts = listing.count_by_state(store, publication.id)
        asked = request.args.get("state", "")
        wanted = IssueState(asked) if asked in set(IssueState) else None
        turn, size = (lookup.page_request(_HIGHEST_ID), _A_PAGE) if wanted else (FIRST_PAGE, _AT_FIRST)
        states = words.GROUPS if not asked else [wanted] if wanted else []
        pages = {
            state: listing.page_in_state(store, publication.id, state, turn, size) for state in states if counts[state]
        }
        return frame.page(store, "issues.html", "issues", publication, counts=counts, shown=pages, wanted=wanted)


def issue(slug: str) -> str:
    """One issue; `?view=` chooses how its preview looks."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        return frame.page(
            store,
            "issue.html",
            "issues",
            found.publication,
            issue=found,
            mailed=lookup.Mailed(found),
            proof=previews.current_mail(found),
            outlook=outlook(store, found),
            view=previews.chosen_view(request.args),
            version=lookup.version(found),
            approval=approve_issue.approval_status(store, services().links, found),
            tested=test_mail.latest_test(store, found),
            unsaved=store.scalars(drafts.unsaved_drafts(found)).all(),
        )


def set_readiness(slug: str) -> ResponseReturnValue:
    """Say that an issue is ready, or a draft again; Conflict if preflight stops it."""
    wanted = Readiness.READY if request.form.get("readiness") == Readiness.READY else Readiness.DRAFT
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        if not build_letter.is_open(found):
            raise Conflict(f"“{found.title}” is {issue_store.state(found).phrase}, so it can no longer be marked.")
        _mark(store, found, wanted)
        audit_hook.add_details(readiness=wanted)
        _say_marked(store, found, f"“{found.title}” is marked as {wanted}.")
    return redirect(url_for("desk.issue", slug=slug), 303)


def outlook(store: Session, found: Issue) -> Outlook:
    """What can happen to an issue, and what has."""
    is_open = build_letter.is_open(found)
    return Outlook(
        inspection=preflight.inspect(store, found) if is_open else None,
        audience=timed_cache.audience_size(store, found.publication_id),
        next_free=frame.calendar_of(store, found.publication).place(found) if is_open else None,
        place=queue.position(store, found) if is_open else None,
        going=progress_view.progress_of(store, found.letter, fresh=True),
    )


def has_begun(found: Issue) -> bool:
    """Whether copies of it were made."""
    return found.letter is not None and found.letter.started_at is not None


def _mark(store: Session, found: Issue, wanted: Readiness) -> None:
    if wanted is Readiness.READY:
        build_letter.mark_ready(store, found, services().links)
    else:
        issue_store.set_readiness(found, wanted)


def _say_marked(store: Session, found: Issue, sentence: str) -> None:
    if queue.is_ready(found) and words.may(Role.EDITOR) and queue.position(store, found) is None:
        undo_flash.flash_with_action(sentence, "Add to the queue", url_for("desk.enqueue", slug=found.slug), found)
    else:
        flash(sentence)
