"""Approvals: who approved the exact content of an issue, and whether that still counts.

An approval is bound to one revision, the hash of its mail, and whom it goes to. A saved edit makes a new revision, a
change of the publication or a template changes the mail, and a segment may be changed; then it no longer counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from sqlalchemy import ColumnElement, Select, case, exists, or_, select
from sqlalchemy.orm import Session

from newsletter.addresses import mailboxes
from newsletter.delivery.models import NOT_BEGUN, Letter
from newsletter.editorial.models import ApprovalAct, ApprovalStep, Correction, Issue, Revision
from newsletter.publications import Publication


@dataclass(frozen=True, slots=True)
class Content:
    """Exactly what a person approves: a revision, the hash of its mail, and whom it goes to."""

    revision_number: int
    content_hash: str
    audience_hash: str = ""
    """The hash of the rule of the segment that it goes to; empty for everybody."""

    @property
    def seal(self) -> str:
        """The form value that says which content the page showed."""
        return f"{self.revision_number}.{self.content_hash}.{self.audience_hash}"

    @classmethod
    def sealed(cls, text: str) -> Self:
        """The content that a form value names; for a malformed value, content that matches no issue."""
        number, _, hashes = text.partition(".")
        content_hash, _, audience_hash = hashes.partition(".")
        is_number = number.isascii() and number.isdigit() and len(number) < 10
        return cls(int(number) if is_number else 0, content_hash, audience_hash)


def current_approval(steps: Iterable[ApprovalStep], content: Content) -> ApprovalStep | None:
    """The approval that counts for this content; None if there is none, or it was withdrawn."""
    return next((step for step in steps if step.is_standing_approval and _approved_content(step) == content), None)


def latest_approval(steps: Iterable[ApprovalStep]) -> ApprovalStep | None:
    """The newest approval that was not withdrawn, whether or not it still counts."""
    return next((step for step in reversed(list(steps)) if step.is_standing_approval), None)


def _approved_content(step: ApprovalStep) -> Content:
    """The content that was approved in this step."""
    return Content(step.revision_number, step.content_hash, step.audience_hash)


def unapproved_writers(session: Session, issue: Issue) -> frozenset[str]:
    """The address keys of whoever wrote a revision since the last approval, and so may not approve it."""
    approved = latest_approval(issue.approval_steps)
    since = Revision.number > (approved.revision_number if approved else 0)
    saved = select(Revision.author).where(Revision.issue_id == issue.id)
    found = session.scalars(saved.where(or_(since, Revision.number == issue.revision_number)).distinct())
    return frozenset(mailboxes.mailbox_key(author) for author in found)


def awaiting(session: Session, issues: Iterable[Issue]) -> frozenset[int]:
    """The ids of those issues of which the newest step is a request for approval, of the issue or a correction."""
    steps = select(ApprovalStep, _IS_OPEN).join(Issue, Issue.id == ApprovalStep.issue_id).outerjoin(Issue.letter)
    steps = steps.where(ApprovalStep.issue_id.in_([one.id for one in issues])).order_by(ApprovalStep.id)
    newest = {step.issue_id: (step, is_open) for step, is_open in session.execute(steps)}
    return frozenset(issue_id for issue_id, (step, is_open) in newest.items() if is_open and step.is_standing_request)


def list_awaiting(session: Session, publication_id: int) -> list[Issue]:
    """The issues that await approval, of themselves or of a correction, the oldest first."""
    asked = select(ApprovalStep.id).where(
        ApprovalStep.issue_id == Issue.id, ApprovalStep.act == ApprovalAct.ASKED, _IS_OPEN
    )
    ours = select(Issue).outerjoin(Issue.letter).where(Issue.publication_id == publication_id)
    issues = session.scalars(ours.where(asked.correlate(Issue, Letter).exists()).order_by(Issue.id)).all()
    waiting = awaiting(session, issues)
    return [issue for issue in issues if issue.id in waiting]


def scheduled_without(publication_id: int) -> Select[Issue]:
    """The scheduled issues that would be held at their time, because nobody approved what was frozen."""
    waiting = select(Issue).join(Issue.letter).where(Issue.publication_id == publication_id)
    return waiting.where(Letter.state.in_(NOT_BEGUN), ~may_start())


# Whether the step still matters: the issue has not begun to go out, or the correction is not published.
_IS_OPEN = case(
    (ApprovalStep.correction.is_(None), Letter.started_at.is_(None)),
    else_=~exists().where(Correction.issue_id == ApprovalStep.issue_id, Correction.number == ApprovalStep.correction),
)


def may_start() -> ColumnElement[bool]:
    """The condition of an UPDATE that starts a `Letter`: it needs no approval, or has a valid one for what was frozen.

    Corrections are exempt: whoever mails one is the second person (`workflows.correct_issue.refusal`).
    """
    asks = exists().where(Publication.id == Letter.publication_id, Publication.requires_approval)
    has = exists().where(
        Issue.letter_id == Letter.id,
        ApprovalStep.issue_id == Issue.id,
        ApprovalStep.revision_number == Issue.frozen_number,
        ApprovalStep.content_hash == Letter.content_hash,
        ApprovalStep.audience_hash == Letter.audience_hash,
        ApprovalStep.act == ApprovalAct.APPROVED,
        ApprovalStep.withdrawn_at.is_(None),
    )
    return or_(Letter.corrects_id.is_not(None), ~asks.correlate(Letter), has.correlate(Letter))
