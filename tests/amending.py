"""Correcting an issue in one step, for tests of what follows from it."""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.editorial.issues import correction_draft, corrections, drafts
from newsletter.editorial.models import Correction, Draft, Issue


def amend(session: Session, issue: Issue, source: str, note: str, author: str, now: datetime) -> Correction:
    """Write this text and this note, and publish both."""
    prepare(session, issue, source, note, author, now)
    return corrections.publish(session, issue, author, now)


def prepare(session: Session, issue: Issue, source: str, note: str, author: str, now: datetime) -> None:
    """Write a correction, and publish nothing."""
    written = Draft(issue_id=issue.id, editor=author, source=source, base_number=issue.revision_number)
    drafts.save(session, issue, written, now)
    correction_draft.keep_note(session, issue, note, author)
