"""Whether an issue may go out: ready, not blocked by preflight, approved where that is required, and with readers."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session, object_session

from newsletter.audience.segments import store as segments
from newsletter.delivery.models import Letter
from newsletter.editorial import preflight
from newsletter.editorial.imported import posts
from newsletter.editorial.issues import approvals, correction_draft, issue_store, slugs
from newsletter.editorial.issues.approvals import Content
from newsletter.editorial.models import Issue, IssueState, Readiness
from newsletter.errors import Conflict, PressError
from newsletter.links import Links
from newsletter.workflows import build_letter, prepare_issue
from newsletter.workflows.prepare_issue import PreparedIssue


class Unready(Conflict):
    """The issue is a draft and has to be marked as ready first."""


class Unfit(Conflict):
    """Preflight blocks the issue."""


class Unapproved(Conflict):
    """The publication requires an approval, and the current content has none."""


class Unaddressed(Conflict):
    """The segment that the issue goes to can no longer be resolved."""


class Unsent(Conflict):
    """The issue is scheduled already and has to be unscheduled first."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """Why an issue could not go out as it is: in a few words to follow its title, and in full."""

    lack: str
    why: str


_LACKS: dict[type[PressError], str] = {
    Unready: "is a draft",
    Unfit: "is stopped by preflight",
    Unapproved: "needs an approval",
    Unaddressed: "goes to a segment that no longer works",
}


def can_be_scheduled(issue: Issue) -> bool:
    """Whether it may be scheduled or sent: it is ready, or was cancelled before it began and not changed since."""
    return build_letter.is_open(issue) and issue.readiness is Readiness.READY


def require_schedulable(issue: Issue, links: Links) -> PreparedIssue:
    """The issue, prepared, if it may be scheduled or sent; Conflict, saying what to do first, otherwise."""
    if session := object_session(issue):
        posts.require_own(session, issue)
    require_open(issue)
    prepared = prepare_issue.prepare(issue, links)
    require_sendable(issue, prepared)
    return prepared


def require_sendable(issue: Issue, prepared: PreparedIssue) -> None:
    """Raise Conflict, saying what to do first, if an open issue may not go out as it was prepared."""
    _require_unblocked(issue, prepared.blocking)
    _require_ready(issue)
    require_approved(issue, prepared_content(issue, prepared))


def prepared_content(issue: Issue, prepared: PreparedIssue) -> Content:
    """The content that an approval of an open issue has to be of, as it was prepared."""
    return Content(issue.revision_number, prepared.mail.content_hash, build_letter.audience_hash(issue))


def require_approved(issue: Issue, would_go: Content) -> None:
    """Raise Conflict if the publication requires an approval and exactly this content has none."""
    if not issue.publication.requires_approval or approvals.current_approval(issue.approval_steps, would_go):
        return
    before = approvals.latest_approval(issue.approval_steps)
    changed = (
        f"; {before.person} approved revision {before.revision_number}, and it has changed since" if before else ""
    )
    raise Unapproved(
        f"“{issue.title}” goes out only after a second person has approved exactly what it says now{changed}. "
        "Ask for approval on its page at the desk"
    )


def approvable_content(issue: Issue, links: Links) -> Content:
    """The content that an approval has to be of: of a correction, of the frozen letter, or of the newest revision."""
    session = object_session(issue)
    if session and correction_draft.is_prepared(session, issue):
        return correction_draft.content(session, issue)
    if fixed := build_letter.frozen_letter(issue):
        return content_of(issue, fixed)
    return prepared_content(issue, prepare_issue.prepare(issue, links))


def content_of(issue: Issue, letter: Letter) -> Content:
    """The content of the issue's `current_letter`, without rendering it again."""
    is_frozen = letter is build_letter.frozen_letter(issue)
    number = (issue.frozen_number or 0) if is_frozen else issue.revision_number
    return Content(number, letter.content_hash, build_letter.audience_hash(issue))


def blocker(issue: Issue, links: Links) -> Blocker | None:
    """Why an issue could not go out now, or would be held at its scheduled time; None if nothing blocks it.

    Cheap enough for every issue of a queue on every page: preflight results are cached by text.
    """
    try:
        if build_letter.is_waiting(issue):
            require_approved(issue, approvable_content(issue, links))
        else:
            require_open(issue)
            _require_ready(issue)
            content_hash, blocking = prepare_issue.judge(issue, links)
            _require_unblocked(issue, blocking)
            require_approved(issue, Content(issue.revision_number, content_hash, build_letter.audience_hash(issue)))
        _require_readers(issue)
    except PressError as error:
        return Blocker(_LACKS.get(type(error), "cannot be shown"), str(error))
    return None


def change_readiness(session: Session, issue: Issue, links: Links, wanted: Readiness) -> None:
    """Mark an issue as ready or as a draft; Conflict if it is scheduled, or if preflight blocks a ready one."""
    if not build_letter.is_open(issue):
        raise Conflict(f"“{issue.title}” is {issue_store.state(issue).phrase}, so it can no longer be marked.")
    if wanted is Readiness.READY:
        mark_ready(session, issue, links)
    else:
        issue_store.set_readiness(issue, wanted)


def mark_ready(session: Session, issue: Issue, links: Links) -> None:
    """Mark an issue as ready; Conflict, with the findings, if preflight blocks it."""
    issue_store.lock(session, issue)
    posts.require_own(session, issue)
    require_open(issue)
    _require_unblocked(issue, prepare_issue.prepare(issue, links).blocking)
    slugs.follow_title(session, issue)
    issue_store.set_readiness(issue, Readiness.READY)


def require_open(issue: Issue) -> None:
    """Raise Conflict if anything of the issue is scheduled or was sent."""
    if build_letter.is_open(issue):
        return
    now = issue_store.state(issue)
    if now is IssueState.CANCELLED:
        raise Conflict(f"“{issue.title}” was cancelled after some readers had got it; nobody is sent an issue twice")
    if build_letter.is_waiting(issue):
        raise Unsent(f"“{issue.title}” is already {now.phrase}; unschedule it first")
    raise Conflict(f"“{issue.title}” is already {now.phrase}")


def _require_ready(issue: Issue) -> None:
    if not can_be_scheduled(issue):
        raise Unready(f"“{issue.title}” is a draft; mark it as ready first")


def _require_unblocked(issue: Issue, blocking: Sequence[preflight.Finding]) -> None:
    if blocking:
        raise Unfit("\n".join([f"“{issue.title}” is not fit to send:", *map(str, blocking)]))


def _require_readers(issue: Issue) -> None:
    session, publication = object_session(issue), issue.publication
    try:
        chosen = build_letter.segment_of(issue)
        if session and chosen:
            # Nobody is asked for, so any time will do.
            segments.frozen_conditions(session, publication, chosen, publication.created_at)
    except PressError as error:
        raise Unaddressed(f"It cannot be told whom “{issue.title}” goes to: {error}") from error
