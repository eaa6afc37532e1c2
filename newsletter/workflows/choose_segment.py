"""Choose the segment of readers that an issue goes to, and delete segments that nothing goes to any more."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.segments import store as segments
from newsletter.audience.segments.store import Segment
from newsletter.delivery.models import Letter
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict
from newsletter.workflows import issue_readiness


def choose_segment(session: Session, issue: Issue, segment: Segment | None) -> bool:
    """Let an open issue go to a segment, or to everybody; returns whether it changed. Conflict once it is scheduled.

    An approval counts only for the readers it was given for (`approvals.Content`).
    """
    issue_store.lock(session, issue)
    issue_readiness.require_open(issue)
    wanted = segment.id if segment else None
    if issue.segment_id == wanted:
        return False
    issue.segment_id = wanted
    session.flush()
    return True


def issues_to(session: Session, segment: Segment) -> list[Issue]:
    """The issues that are to go to a segment and have not begun to."""
    mine = select(Issue).outerjoin(Issue.letter).where(Issue.segment_id == segment.id, Letter.started_at.is_(None))
    return list(session.scalars(mine.order_by(Issue.id)))


def require_unused(session: Session, segment: Segment) -> None:
    """Raise Conflict, naming it, if an issue is to go to a segment or another segment refers to it."""
    if waiting := issues_to(session, segment):
        raise Conflict(
            f"“{waiting[0].title}” is to go to the segment “{segment.name}”; "
            "let it go to somebody else first, then delete the segment"
        )
    segments.require_unreferred(session, segment)


def delete_segment(session: Session, segment: Segment) -> None:
    """Delete a segment; Conflict as above."""
    require_unused(session, segment)
    segments.delete(session, segment)
