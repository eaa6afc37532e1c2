"""Approvals: whose eyes an issue's exact content passed, and whether that still counts.

An approval is of one revision and of the mail that it made. A saved edit makes another revision, and a change of
the publication or of a template makes another mail; either way the approval no longer counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session

from newsletter.addresses import mailboxes
from newsletter.delivery.models import NOT_BEGUN, Letter
from newsletter.editorial.models import ApprovalAct, ApprovalStep, Issue, Revision
from newsletter.publications import Publication


@dataclass(frozen=True, slots=True)
class Content:
    """Exactly what a person approves: a revision, and the hash of the mail that it makes."""

    revision_number: int
    content_hash: str

    @property
    def seal(self) -> str:
        """What a form carries to say which content its page showed."""
        return f"{self.revision_number}.{self.content_hash}"

    @classmethod
    def sealed(cls, text: str) -> Self:
        """What a form said; of a text that is no seal, something that is never the content of anything."""
        number, _, content_hash = text.partition(".")
        return cls(int(number) if number.isascii() and number.isdigit() else 0, content_hash)


def current_approval(steps: Iterable[ApprovalStep], content: Content) -> ApprovalStep | None:
    """The approval that counts for this content; None if nobody gave one, or it was taken back."""
    return next((step for step in steps if step.stands and approved_content(step) == content), None)


def latest_approval(steps: Iterable[ApprovalStep]) -> ApprovalStep | None:
    """The newest approval that nobody took back, whether or not it still counts."""
    return next((step for step in reversed(list(steps)) if step.stands), None)


def approved_content(step: ApprovalStep) -> Content:
    """What its person had before their eyes."""
    return Content(step.revision_number, step.content_hash)


def unapproved_writers(session: Session, issue: Issue) -> frozenset[str]:
    """Who wrote what nobody else has approved yet: the newest revision, and each since the last approval; as keys."""
    approved = latest_approval(issue.approval_steps)
    since = Revision.number > (approved.revision_number if approved else 0)
    saved = select(Revision.author).where(Revision.issue_id == issue.id)
    found = session.scalars(saved.where(or_(since, Revision.number == issue.revision_number)).distinct())
    return frozenset(mailboxes.key_of(author) for author in found)


def scheduled_without(publication_id: int) -> Select[Issue]:
    """The issues that wait for their hour and would be held at it, because nobody approved what was frozen."""
    waiting = select(Issue).join(Issue.letter).where(Issue.publication_id == publication_id)
    return waiting.where(Letter.state.in_(NOT_BEGUN), ~may_start())


def may_start() -> ColumnElement[bool]:
    """For a statement that moves a `Letter`: it needs no approval, or what was frozen into it has one that stands.

    A correction never waits for its hour: whoever mails it is the second person (`correcting.refusal`).
    """
    asks = exists().where(Publication.id == Letter.publication_id, Publication.requires_approval)
    has = exists().where(
        Issue.letter_id == Letter.id,
        ApprovalStep.issue_id == Issue.id,
        ApprovalStep.revision_number == Issue.frozen_number,
        ApprovalStep.content_hash == Letter.content_hash,
        ApprovalStep.act == ApprovalAct.APPROVED,
        ApprovalStep.withdrawn_at.is_(None),
    )
    return or_(Letter.corrects_id.is_not(None), ~asks.correlate(Letter), has.correlate(Letter))
