"""Approve an issue: a second person confirms that exactly this content may go out.

Nobody approves their own text: the approver is an owner or editor who wrote nothing since the last approval. It
counts for one revision, its mail and whom it goes to (`editorial.issues.approvals`); without it nothing starts.
Of an issue that is out, it is the correction being prepared that is approved: its text and its note.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter import characters, editors
from newsletter.addresses import mailboxes
from newsletter.audience.services import AudienceServices
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee
from newsletter.editorial.issues import approvals, correction_draft, issue_store
from newsletter.editorial.issues.approvals import Content
from newsletter.editorial.models import ApprovalAct, ApprovalStep, Issue, Readiness
from newsletter.editors import Editor, Role
from newsletter.editors.names import TeamNames
from newsletter.errors import Conflict, Invalid, Refused
from newsletter.links import Links
from newsletter.workflows import build_letter, issue_readiness, publish

_APPROVERS = (Role.OWNER, Role.EDITOR)
ASKED_AN_HOUR = 12
"""How many requests one person may make within an hour, because each one sends mail."""

_LONGEST_COMMENT = 2_000
_CHANGED = "The email, or whom it goes to, has changed since this page was opened. Nothing was done; look at it again."


@dataclass(frozen=True, slots=True)
class Review:
    """What a person says of an issue."""

    content: Content
    """The content that they saw."""
    person: str
    """Their address."""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalStatus:
    """The approval status of an issue."""

    is_required: bool
    content: Content
    """The content that would go out."""
    approval: ApprovalStep | None
    """The approval that counts for it; None if there is none."""
    last: ApprovalStep | None
    """The newest approval that was not withdrawn, whether or not it still counts."""
    steps: Sequence[ApprovalStep]
    """All steps, oldest first."""
    writers: frozenset[str]
    """The address keys of whoever wrote since the last approval, and so cannot approve."""

    @property
    def is_missing(self) -> bool:
        """Whether the issue needs an approval that it does not have."""
        return self.is_required and self.approval is None

    def refusal(self, email: str, role: Role) -> str:
        """The reason why this person cannot approve; empty if they can."""
        if role not in _APPROVERS:
            return f"Editors and owners approve; your role is {role}."
        if mailboxes.mailbox_key(email) in self.writers:
            return "You wrote some of this since the last approval, and nobody approves their own words."
        return ""


def approval_status(session: Session, links: Links, issue: Issue) -> ApprovalStatus:
    """The current approval status of an issue."""
    content, number = issue_readiness.approvable_content(issue, links), _correction_number(session, issue)
    own = [step for step in issue.approval_steps if number is None or step.correction == number]
    return ApprovalStatus(
        is_required=issue.publication.requires_approval,
        content=content,
        approval=approvals.current_approval(issue.approval_steps, content),
        last=approvals.latest_approval(own),
        steps=own,
        writers=_writers(session, issue),
    )


def possible_approvers(session: Session, issue: Issue) -> list[Editor]:
    """The editors who could approve the current content."""
    wrote = _writers(session, issue)
    return [one for one in session.scalars(editors.team()) if one.role in _APPROVERS and one.key not in wrote]


def request_approval(
    session: Session, audience: AudienceServices, issue: Issue, asking: Review, chosen: Collection[str], now: datetime
) -> list[str]:
    """Mail the chosen possible approvers, or all if none is chosen; returns their addresses. Conflict if nobody can."""
    current = _hold_still(session, audience.links, issue, asking.content)
    if current.approval:
        raise Conflict(f"{current.approval.person} has already approved this; there is nothing to ask for.")
    asked = _chosen_approvers(possible_approvers(session, issue), chosen)
    _mind_the_hour(session, asking.person, now)
    step = _note(session, issue, ApprovalAct.ASKED, asking, now)
    for editor in asked:
        _mail(session, audience, issue, editor, step)
    return [editor.email for editor in asked]


def approve(session: Session, links: Links, issue: Issue, review: Review, now: datetime) -> ApprovalStep:
    """Approve this content; Conflict if it is no longer what was shown, or this person may not approve it."""
    current = _hold_still(session, links, issue, review.content)
    if refusal := current.refusal(review.person, editors.find(session, review.person).role):
        raise Conflict(refusal)
    try:
        with session.begin_nested():
            return _note(session, issue, ApprovalAct.APPROVED, review, now)
    except IntegrityError:
        raise Conflict("Somebody else has just approved this. Nothing more is needed.") from None


def send_back(session: Session, links: Links, issue: Issue, review: Review, now: datetime) -> None:
    """Make the issue a draft again, with a comment; it is unscheduled, and its approval is withdrawn."""
    if not review.comment.strip():
        raise Invalid("Say what needs fixing: the comment is all that the writer gets.")
    _unschedule(session, links, issue, review.content, now)
    _take_back(approvals.current_approval(issue.approval_steps, review.content), review.person, now)
    _note(session, issue, ApprovalAct.SENT_BACK, review, now)
    issue_store.set_readiness(issue, Readiness.DRAFT)


def withdraw(session: Session, links: Links, issue: Issue, review: Review, now: datetime) -> bool:
    """Withdraw the approval before the issue starts to go out; returns whether that unscheduled it."""
    was_scheduled = _unschedule(session, links, issue, review.content, now)
    approval = approvals.current_approval(issue.approval_steps, review.content)
    if approval is None:
        raise Conflict("There is no approval to withdraw: somebody else has just done that.")
    _take_back(approval, review.person, now)
    return was_scheduled


def _unschedule(session: Session, links: Links, issue: Issue, content: Content, now: datetime) -> bool:
    """Lock the issue with the content that was shown, and unschedule it; returns whether it was scheduled."""
    if issue_readiness.approvable_content(issue, links) != content:
        raise Conflict(_CHANGED)
    was_scheduled = build_letter.is_waiting(issue)
    # Lock the letter first, as `publish_due` does, so that the two cannot deadlock.
    if was_scheduled:
        publish.unschedule(session, issue, now)
    issue_store.lock(session, issue)
    _require_undecided(session, issue)
    return was_scheduled


def _hold_still(session: Session, links: Links, issue: Issue, content: Content) -> ApprovalStatus:
    """The status, locked until the transaction ends; Conflict unless it is of the content that the page showed."""
    issue_store.lock(session, issue)
    _require_undecided(session, issue)
    current = approval_status(session, links, issue)
    if not current.is_required:
        raise Conflict(f"{issue.publication.name} does not require approval.")
    if current.content != content:
        raise Conflict(_CHANGED)
    return current


def _writers(session: Session, issue: Issue) -> frozenset[str]:
    of_correction = correction_draft.is_prepared(session, issue)
    return (correction_draft.writers if of_correction else approvals.unapproved_writers)(session, issue)


def _correction_number(session: Session, issue: Issue) -> int | None:
    """The number of the correction that is to be approved; None if it is the issue."""
    return correction_draft.next_number(issue) if correction_draft.is_prepared(session, issue) else None


def _require_undecided(session: Session, issue: Issue) -> None:
    is_prepared = correction_draft.is_prepared(session, issue)
    if not (is_prepared or build_letter.is_waiting(issue) or build_letter.is_open(issue)):
        raise Conflict(f"“{issue.title}” is {issue_store.state(issue).phrase}; it is too late for that.")


def _chosen_approvers(able: Sequence[Editor], chosen: Collection[str]) -> list[Editor]:
    wanted = {mailboxes.mailbox_key(email) for email in chosen}
    asked = [editor for editor in able if not wanted or editor.key in wanted]
    if len(asked) < max(1, len(wanted)):
        raise Conflict(
            "Some of the people you chose cannot approve this: they wrote some of it, or their role is too low."
            if able
            else "Nobody on the team can approve this: it takes an editor or owner who wrote none of it. Invite one."
        )
    return asked


def _mind_the_hour(session: Session, person: str, now: datetime) -> None:
    # Serialised, so that simultaneous requests are counted as well.
    session.execute(
        select(Editor.id).where(Editor.key == mailboxes.mailbox_key(person)).with_for_update(key_share=True)
    )
    asked = select(func.count()).where(ApprovalStep.person == person, ApprovalStep.act == ApprovalAct.ASKED)
    if (session.scalar(asked.where(ApprovalStep.at > now - timedelta(hours=1))) or 0) >= ASKED_AN_HOUR:
        raise Refused(f"You asked {ASKED_AN_HOUR} times within an hour, which is the limit. Try again later.")


def _note(session: Session, issue: Issue, act: ApprovalAct, review: Review, now: datetime) -> ApprovalStep:
    step = ApprovalStep(
        issue_id=issue.id,
        act=act,
        revision_number=review.content.revision_number,
        content_hash=review.content.content_hash,
        audience_hash=review.content.audience_hash,
        correction=_correction_number(session, issue),
        person=review.person,
        at=now,
        comment=characters.clean_passage(characters.storable(review.comment), "the comment", _LONGEST_COMMENT),
    )
    session.add(step)
    session.flush()
    session.expire(issue, ["approval_steps"])
    return step


def _take_back(approval: ApprovalStep | None, person: str, now: datetime) -> None:
    if approval is not None:
        approval.withdrawn_at, approval.withdrawn_by = now, person


def _mail(session: Session, audience: AudienceServices, issue: Issue, editor: Editor, asked: ApprovalStep) -> None:
    fields = {
        "email": editor.email,
        "asked_by": TeamNames(session).find(asked.person).full,
        "issue_title": f"Correction of “{issue.title}”" if asked.correction else issue.title,
        "comment": asked.comment,
        "approval_url": audience.links.approval(issue.slug),
    }
    composed = audience.compose("approval_request", issue.publication, fields)
    outbox.post(session, issue.publication, Addressee(editor.email), composed, asked.at)
