"""The shelf: where issues are kept, with every revision of their text."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import LetterState
from newsletter.editorial import issue_file
from newsletter.editorial.issue_file import IssueFile
from newsletter.editorial.models import Issue, IssueState, Readiness, Revision, RevisionPicture
from newsletter.errors import Conflict, NotFound
from newsletter.publications import Publication

BY_FILE = "issues load"

_STATE_OF_LETTER = {
    LetterState.WAITING: IssueState.SCHEDULED,
    LetterState.RUNNING: IssueState.SENDING,
    LetterState.PAUSED: IssueState.PAUSED,
    LetterState.HELD: IssueState.PAUSED,
    LetterState.FINISHED: IssueState.SENT,
    LetterState.CANCELLED: IssueState.CANCELLED,
}


class Saved(StrEnum):
    """What saving a text did."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "unchanged"
    RENAMED = "renamed"
    KEPT = "kept: newer at the desk"


@dataclass(frozen=True, slots=True)
class Text:
    """An issue's whole text with the pictures that it shows, by the names it calls them."""

    file: IssueFile
    file_name: str
    pictures: Mapping[str, str]


def state(issue: Issue) -> IssueState:
    """The editor's word until there is a letter, then the letter's own state."""
    if issue.letter is None:
        return IssueState(issue.readiness)
    return _STATE_OF_LETTER[issue.letter.state]


def find(session: Session, slug: str) -> Issue:
    """The issue of that slug; NotFound names the nearest."""
    issue = session.scalar(select(Issue).where(Issue.slug == slug))
    if issue is None:
        raise NotFound(f"there is no issue {slug!r}; `newsletter issues list` shows them all")
    return issue


def listing(publication_id: int | None = None) -> Select[Issue]:
    """Issues, oldest first: by file name, which begins with the date."""
    every = select(Issue).order_by(Issue.file_name, Issue.id)
    return every if publication_id is None else every.where(Issue.publication_id == publication_id)


def text(issue: Issue, revision: Revision) -> IssueFile:
    """The parsed text of a revision."""
    return issue_file.parse(revision.source, issue.file_name)


def picture_names(revision: Revision) -> dict[str, str]:
    """From the name in the text to the kept file's name."""
    return {picture.name: picture.file_name for picture in revision.pictures}


def save(session: Session, publication: Publication, draft: Text, author: str, now: datetime) -> Saved:
    """Keep a text as the newest revision of its issue; Conflict, naming it, where that would lose something."""
    issue = session.scalar(select(Issue).where(Issue.slug == draft.file.slug))
    if issue is None:
        _add_revision(session, _new_issue(session, publication, draft, now), draft, author, now)
        return Saved.NEW
    _refuse_if_anothers(issue, publication, draft.file_name)
    if _same(issue.revision, draft):
        return _rename(issue, draft.file_name)
    if author == BY_FILE and issue.revision.author != BY_FILE:
        if _was_loaded_before(session, issue, draft):
            return Saved.KEPT
        raise Conflict(
            f"{draft.file_name}: changed here, and at the desk by {issue.revision.author} (revision "
            f"{issue.revision_number}); `newsletter issues dump` to another folder and put the two together"
        )
    _refuse_if_frozen(issue, draft.file_name)
    _add_revision(session, issue, draft, author, now)
    return Saved.CHANGED


def mark(issue: Issue, readiness: Readiness) -> None:
    """Say whether an issue is fit to print; the letter's state, once there is one, says the rest."""
    issue.readiness = readiness


def _new_issue(session: Session, publication: Publication, draft: Text, now: datetime) -> Issue:
    issue = Issue(publication=publication, slug=draft.file.slug, file_name=draft.file_name, created_at=now)
    issue.title, issue.subject = draft.file.title, draft.file.subject
    session.add(issue)
    session.flush()
    return issue


def _rename(issue: Issue, file_name: str) -> Saved:
    """Follow a file that was given another name; its text is the same, so there is nothing else to keep."""
    if issue.file_name == file_name:
        return Saved.SAME
    issue.file_name = file_name
    return Saved.RENAMED


def _add_revision(session: Session, issue: Issue, draft: Text, author: str, now: datetime) -> None:
    # Two savers of one issue meet at the unique key (issue, number): the later one fails whole.
    issue.revision_number += 1
    issue.title, issue.subject, issue.file_name = draft.file.title, draft.file.subject, draft.file_name
    issue.readiness = Readiness.DRAFT
    session.add(
        Revision(
            issue_id=issue.id,
            number=issue.revision_number,
            source=draft.file.source,
            sha256=_sha256(draft),
            author=author,
            created_at=now,
            pictures=[RevisionPicture(name=name, file_name=kept) for name, kept in draft.pictures.items()],
        )
    )
    session.flush()
    session.expire(issue, ["revision"])


def _same(revision: Revision, draft: Text) -> bool:
    return revision.sha256 == _sha256(draft)


def _sha256(draft: Text) -> str:
    pictures = "".join(f"\n{name} {kept}" for name, kept in sorted(draft.pictures.items()))
    return hashlib.sha256((draft.file.source + pictures).encode()).hexdigest()


def _was_loaded_before(session: Session, issue: Issue, draft: Text) -> bool:
    before = select(Revision.id).where(Revision.issue_id == issue.id, Revision.author == BY_FILE)
    return session.scalar(before.where(Revision.sha256 == _sha256(draft))) is not None


def _refuse_if_anothers(issue: Issue, publication: Publication, name: str) -> None:
    if issue.publication_id != publication.id:
        raise Conflict(
            f"{name}: {issue.publication.name} ({issue.publication.slug}) has an issue {issue.slug!r} already; "
            "give this one another `slug`"
        )


def _refuse_if_frozen(issue: Issue, name: str) -> None:
    now = state(issue)
    if now in {IssueState.SCHEDULED, IssueState.PAUSED} and issue.letter and issue.letter.started_at is None:
        raise Conflict(
            f"{name}: the issue is scheduled; `newsletter issues cancel {issue.slug}` first, then load again"
        )
    if issue.letter and issue.letter.started_at is not None:
        raise Conflict(f"{name}: the issue has gone out; its text is kept as it was sent")
