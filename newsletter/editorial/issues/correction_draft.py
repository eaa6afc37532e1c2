"""A correction before it is published: the newest revision of an issue that is out, and a note on what was wrong.

A revision that is saved after an issue has gone out is shown nowhere until `corrections.publish` does so.
"""

import hashlib
from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter import characters
from newsletter.addresses import mailboxes
from newsletter.db import UNSYNCED, Base
from newsletter.editorial.issues import archive, drafts, issue_store
from newsletter.editorial.issues.approvals import Content
from newsletter.editorial.models import ApprovalStep, Issue, Revision
from newsletter.errors import Conflict, Invalid
from newsletter.i18n import formats

LONGEST_NOTE = 600


class NoNote(Invalid):
    """A correction that does not say what changed."""


class CorrectionDraft(Base):
    """The note of a correction that is being prepared, kept apart from its text."""

    __tablename__ = "correction_drafts"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    note: Mapped[str] = mapped_column(Text)
    writers: Mapped[list[str]] = mapped_column(JSON)
    """Everyone who wrote the note."""


def find_draft(session: Session, issue: Issue) -> CorrectionDraft | None:
    """The note of the correction that is being prepared, and its writers; None if nobody has written one."""
    return session.get(CorrectionDraft, issue.id)


def next_number(issue: Issue) -> int:
    """The number that the next correction of an issue will have."""
    return len(issue.corrections) + 1


def is_changed(issue: Issue) -> bool:
    """Whether the newest revision differs from what the archive shows."""
    return issue.revision.sha256 != archive.published_text(issue)[1].sha256


def is_prepared(session: Session, issue: Issue) -> bool:
    """Whether an issue that is out has a correction that was begun but not published."""
    return issue_store.is_out(issue) and (is_changed(issue) or find_draft(session, issue) is not None)


def content(session: Session, issue: Issue) -> Content:
    """Exactly what the archive would say: the newest revision with its pictures, and the note."""
    draft = find_draft(session, issue)
    # The number is part of it, or an approval would also count for a later correction with the same words.
    whole = f"{next_number(issue)}\0{issue.revision.sha256}\0{draft.note if draft else ''}"
    return Content(issue.revision_number, hashlib.sha256(whole.encode()).hexdigest())


def lock(session: Session, issue: Issue, seen: str) -> None:
    """Lock the issue until this transaction ends; Conflict unless what is prepared still has the seal `seen`."""
    issue_store.lock(session, issue)
    if content(session, issue).seal != seen:
        raise Conflict("The correction has changed since this page was opened. Nothing was done; look at it again.")


def writers(session: Session, issue: Issue) -> frozenset[str]:
    """The address keys of whoever wrote some of it: a revision since the one that the archive shows, or the note."""
    published = archive.published_text(issue)[1].number
    found = list(session.scalars(issue_store.authors(issue).where(Revision.number > published)))
    draft = find_draft(session, issue)
    return frozenset(map(mailboxes.mailbox_key, [*found, *(draft.writers if draft else [])]))


def keep_note(session: Session, issue: Issue, note: str, writer: str) -> None:
    """Store the note, which may still be empty; NoNote, saying why, if readers could not be shown it."""
    note, draft = _clean(note), find_draft(session, issue)
    if note == (draft.note if draft else ""):
        return
    if draft is None:
        session.add(CorrectionDraft(issue_id=issue.id, note=note, writers=[writer]))
    else:
        draft.note, draft.writers = note, sorted({*draft.writers, writer})
    session.flush()


def discard_correction(session: Session, issue: Issue, editor: str, now: datetime) -> None:
    """Discard the correction: the newest revision is again what the archive shows, and nobody is asked to approve."""
    if is_changed(issue):
        drafts.restore(session, issue, archive.published_text(issue)[1], editor, now)
    if draft := find_draft(session, issue):
        session.delete(draft)
    steps = update(ApprovalStep).where(ApprovalStep.issue_id == issue.id, ApprovalStep.withdrawn_at.is_(None))
    steps = steps.where(ApprovalStep.correction == next_number(issue))
    session.execute(steps.values(withdrawn_at=now, withdrawn_by=editor), execution_options=UNSYNCED)
    session.expire(issue, ["approval_steps"])


def _clean(text: str) -> str:
    note = characters.trimmed(" ".join(text.split()))
    if found := characters.forbidden_in_line(note):
        raise NoNote(f"Use plain characters: it contains {characters.named(found)}.")
    if len(note) > LONGEST_NOTE:
        raise NoNote(f"That is {formats.number(len(note))} characters; the limit is {LONGEST_NOTE}. Shorten it.")
    return note
