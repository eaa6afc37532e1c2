"""The issue store: issues with every revision of their text."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Column, Select, delete, or_, select, update
from sqlalchemy.orm import Session, defer, lazyload

from newsletter.db import HIGHEST_ID, Base
from newsletter.delivery.models import Letter, LetterState
from newsletter.editorial.issues import desk_index, slugs
from newsletter.editorial.models import Issue, IssueKind, IssueState, Readiness, Revision, RevisionPicture, Size
from newsletter.editorial.source import issue_file, proposals
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.errors import Conflict, Invalid, NotFound
from newsletter.pagination import Order, Page, PageRequest
from newsletter.publications import Publication

BY_FILE = "issues load"

_NEWEST_FIRST: Order[Revision] = Order((Revision.number,), lambda revision: revision.number)

_STATE_OF_LETTER = {
    LetterState.WAITING: IssueState.SCHEDULED,
    LetterState.RUNNING: IssueState.SENDING,
    LetterState.PAUSED: IssueState.PAUSED,
    LetterState.HELD: IssueState.PAUSED,
    LetterState.FINISHED: IssueState.SENT,
    LetterState.CANCELLED: IssueState.CANCELLED,
}


class PictureFile(NamedTuple):
    """What a text calls a picture, under which file name that is stored, and its size, if that is known."""

    name: str
    file_name: str
    size: Size | None


class Outdated(Conflict):
    """The text is based on a revision that is no longer the newest."""


class Saved(StrEnum):
    """What saving a text did."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "unchanged"
    RENAMED = "renamed"
    KEPT = "kept: newer at the desk"


@dataclass(frozen=True, slots=True)
class Text:
    """An issue's whole text, with the stored file names of its pictures by the names used in the text."""

    file: IssueFile
    file_name: str
    pictures: Mapping[str, str]
    unprocessed: Mapping[str, str] = field(default_factory=dict)
    """By name, the stored file name of each picture in versions that did not process images."""


def state(issue: Issue) -> IssueState:
    """The issue's readiness until there is a letter, then the letter's state."""
    return state_from(issue.letter.state if issue.letter else None, issue.readiness)


def state_from(letter: LetterState | None, readiness: Readiness) -> IssueState:
    """An issue's state from its letter's state (None without a letter) and its readiness."""
    return _STATE_OF_LETTER[letter] if letter else IssueState(readiness)


def is_out(issue: Issue) -> bool:
    """Whether it has begun to go out: what it says changes only by a correction."""
    return issue.letter is not None and issue.letter.started_at is not None


def state_of(letter: Letter) -> IssueState:
    """A letter's state as an `IssueState`."""
    return _STATE_OF_LETTER[letter.state]


def letter_states(state: IssueState) -> list[LetterState]:
    """The states of a letter that stand for that state of an issue; empty if such an issue has no letter."""
    return [letter for letter, known in _STATE_OF_LETTER.items() if known is state]


def find(session: Session, slug: str) -> Issue:
    """The issue that has that slug, or had it; NotFound says how to see every slug."""
    issue = slugs.find_issue(session, slug)
    if issue is None:
        raise NotFound(f"there is no issue {slug!r}; `newsletter issues list` shows them all")
    return issue


def by_id(session: Session, issue_id: int) -> Issue | None:
    """The issue of that id; None if it was deleted."""
    return session.get(Issue, issue_id) if 0 < issue_id <= HIGHEST_ID else None


def named(ids: Collection[int], slugs: Collection[str]) -> Select[Issue]:
    """The issues with one of these ids or slugs."""
    return select(Issue).where(or_(Issue.id.in_(ids), Issue.slug.in_(slugs)))


def listing(publication_id: int | None = None) -> Select[Issue]:
    """Issues in the order of their file names, which begin with the date."""
    issues = select(Issue).order_by(Issue.file_name, Issue.id)
    return issues if publication_id is None else issues.where(Issue.publication_id == publication_id)


def parse_revision(issue: Issue, revision: Revision) -> IssueFile:
    """The parsed text of a revision, in which title, subject or body may still be missing."""
    return issue_file.parse_draft(revision.source, issue.file_name)


def picture_names(revision: Revision) -> dict[str, str]:
    """From each picture's name in the text to its stored file name."""
    return {picture.name: picture.file_name for picture in revision.pictures}


def picture_files(revision: Revision) -> tuple[PictureFile, ...]:
    """The pictures of a text, by name."""
    files = (PictureFile(each.name, each.file_name, each.picture.shown_size) for each in revision.pictures)
    return tuple(sorted(files, key=lambda file: file.name))


def save(session: Session, publication: Publication, draft: Text, author: str, now: datetime) -> Saved:
    """Save a text as the newest revision of its issue; Conflict, naming the issue, if that would lose something."""
    issue = session.scalar(select(Issue).where(Issue.slug == draft.file.slug))
    if issue is None:
        create(session, publication, draft, author, now)
        return Saved.NEW
    if issue.publication_id != publication.id:
        owner = f"{issue.publication.name} ({issue.publication.slug})"
        raise Conflict(f"{draft.file_name}: {owner} already has an issue {issue.slug!r}; give this one another `slug`")
    # An issue that can still change gets processed pictures; a frozen one stays as it was loaded.
    if _same(issue.revision, draft) or (issue.letter and issue.revision.sha256 == _sha256(draft, draft.unprocessed)):
        return _rename(issue, draft.file_name)
    if author == BY_FILE and issue.revision.author != BY_FILE:
        if _was_loaded_before(session, issue, draft):
            return Saved.KEPT
        raise Conflict(
            f"{draft.file_name}: changed here, and at the desk by {issue.revision.author} (revision "
            f"{issue.revision_number}); `newsletter issues dump` to another folder and merge the two"
        )
    _refuse_if_frozen(issue, draft.file_name)
    issue.revision_number += 1
    _add_revision(session, issue, draft, author, now)
    return Saved.CHANGED


def revise(session: Session, issue: Issue, draft: Text, base: int, author: str, now: datetime) -> Saved:
    """Save a text, which may change the slug, as this issue's newest revision; Outdated unless `base` is the newest.

    Once the issue is out, its slug stays, and the text is shown nowhere until it is published (`show_newest`).
    """
    _refuse_if_scheduled(issue, draft.file_name)
    if _same(issue.revision, draft):
        return Saved.SAME
    if not _count_up(session, issue, base):
        raise Outdated(
            f"“{issue.title}” was changed by {issue.revision.author}: it is now at revision "
            f"{issue.revision_number}, and this text is based on {base}. Merge the two."
        )
    _add_revision(session, issue, draft, author, now)
    return Saved.CHANGED


def show_newest(session: Session, issue: Issue) -> None:
    """Let an issue have the title and subject of its newest revision, and be found at the desk by it."""
    _show(session, issue, parse_revision(issue, issue.revision))


def revisions(session: Session, issue: Issue, turn: PageRequest, size: int) -> Page[Revision]:
    """A page of an issue's revisions, newest first, without their texts."""
    rows = select(Revision).where(Revision.issue_id == issue.id)
    rows = rows.options(defer(Revision.source), lazyload(Revision.pictures))
    return _NEWEST_FIRST.page(lambda some: session.scalars(some).all(), rows, turn, size)


def authors(issue: Issue) -> Select[str]:
    """Everyone who saved a revision of an issue."""
    return select(Revision.author).where(Revision.issue_id == issue.id).distinct().order_by(Revision.author)


def revision(session: Session, issue: Issue, number: int) -> Revision:
    """The revision of that number; NotFound if the issue has none."""
    mine = select(Revision).where(Revision.issue_id == issue.id)
    found = session.scalar(mine.where(Revision.number == number))
    if found is None:
        raise NotFound(f"“{issue.title}” has no revision {number}; its newest is {issue.revision_number}.")
    return found


def lock(session: Session, issue: Issue) -> None:
    """Lock the issue until this transaction ends; Conflict if it has changed since it was read."""
    session.flush()
    seen = issue.revision_number, issue.letter_id
    # FOR UPDATE: saving a revision takes a weaker lock first, and upgrading from that would deadlock with us.
    session.refresh(issue, with_for_update={"of": Issue})
    if (issue.revision_number, issue.letter_id) != seen:
        raise Conflict(f"“{issue.title}” has been changed or scheduled. Look at it again, then decide.")


def remove(session: Session, issue: Issue) -> None:
    """Delete a draft with everything that refers to it; Conflict if it was ever scheduled."""
    lock(session, issue)
    if issue.kind is IssueKind.DIGEST:
        raise Conflict(f"“{issue.title}” collects what has come out; make it a draft, and it is not sent.")
    if issue.letter_id is not None:
        raise Conflict(f"“{issue.title}” is {state(issue)}, or was scheduled once, so it is kept as a record.")
    for column, ids in _belongings(issue):
        session.execute(delete(column.table).where(column.in_(ids)))
    session.execute(delete(Issue).where(Issue.id == issue.id))
    session.expunge(issue)


def set_readiness(issue: Issue, readiness: Readiness) -> None:
    """Mark an issue as draft or ready."""
    issue.readiness = readiness


def index(session: Session, issue: Issue) -> None:
    """Let the desk find the issue by its newest revision; one saved before a rule that it breaks is not found."""
    with suppress(Invalid):
        desk_index.record(session, issue.id, parse_revision(issue, issue.revision))


def create(session: Session, publication: Publication, draft: Text, author: str, now: datetime) -> Issue:
    """A new issue with its first revision; the database refuses a slug that is taken."""
    issue = _new_issue(session, publication, draft, now)
    _add_revision(session, issue, draft, author, now)
    return issue


def _new_issue(session: Session, publication: Publication, draft: Text, now: datetime) -> Issue:
    issue = Issue(publication=publication, slug=draft.file.slug, file_name=draft.file_name, created_at=now)
    issue.revision_number = 1
    issue.title, issue.subject = proposals.listed_title(draft.file), draft.file.subject
    session.add(issue)
    session.flush()
    return issue


def _rename(issue: Issue, file_name: str) -> Saved:
    """Follow a renamed file whose text is unchanged."""
    if issue.file_name == file_name:
        return Saved.SAME
    issue.file_name = file_name
    return Saved.RENAMED


def _count_up(session: Session, issue: Issue, base: int) -> bool:
    """Count the issue's revision up from `base`; False if it is no longer there, or was scheduled meanwhile."""
    count = update(Issue).where(Issue.id == issue.id, Issue.revision_number == base)
    count = count.where(Issue.letter_id.is_not_distinct_from(issue.letter_id)).values(revision_number=base + 1)
    counted = session.scalar(count.returning(Issue.id).execution_options(synchronize_session=False))
    session.refresh(issue)
    return counted is not None


def _belongings(issue: Issue) -> Iterator[tuple[Column[Any], Select[int]]]:
    """The columns that refer to an issue or its revisions, with the ids they hold."""
    texts = select(Revision.id).where(Revision.issue_id == issue.id)
    for target, ids in ((Revision.id, texts), (Issue.id, select(Issue.id).where(Issue.id == issue.id))):
        for table in reversed(Base.metadata.sorted_tables):
            yield from ((column, ids) for column in table.columns if column.references(target))


def _add_revision(session: Session, issue: Issue, draft: Text, author: str, now: datetime) -> None:
    # Two simultaneous saves collide at the unique key (issue, number), and the later one fails.
    session.add(
        Revision(
            issue_id=issue.id,
            number=issue.revision_number,
            source=draft.file.source,
            sha256=_sha256(draft),
            author=author,
            created_at=now,
            category=draft.file.category,
            pictures=[RevisionPicture(name=name, file_name=file_name) for name, file_name in draft.pictures.items()],
        )
    )
    if not is_out(issue):
        slugs.rename(session, issue, draft.file.slug)
        issue.file_name, issue.readiness = draft.file_name, Readiness.DRAFT
        _show(session, issue, draft.file)
    session.flush()
    session.expire(issue, ["revision"])


def _show(session: Session, issue: Issue, file: IssueFile) -> None:
    issue.title, issue.subject = proposals.listed_title(file), file.subject
    desk_index.record(session, issue.id, file)


def _same(revision: Revision, draft: Text) -> bool:
    return revision.sha256 == _sha256(draft)


def _sha256(draft: Text, pictures_as: Mapping[str, str] | None = None) -> str:
    files = draft.pictures if pictures_as is None else pictures_as
    pictures = "".join(f"\n{name} {file_name}" for name, file_name in sorted(files.items()))
    return hashlib.sha256((draft.file.source + pictures).encode()).hexdigest()


def _was_loaded_before(session: Session, issue: Issue, draft: Text) -> bool:
    before = select(Revision.id).where(Revision.issue_id == issue.id, Revision.author == BY_FILE)
    loaded = (_sha256(draft), _sha256(draft, draft.unprocessed))
    return session.scalar(before.where(Revision.sha256.in_(loaded)).limit(1)) is not None


def _refuse_if_frozen(issue: Issue, name: str) -> None:
    _refuse_if_scheduled(issue, name)
    if is_out(issue):
        raise Conflict(f"{name}: the issue has gone out; its text is kept as it was sent")


def _refuse_if_scheduled(issue: Issue, name: str) -> None:
    now = state(issue)
    if now in {IssueState.SCHEDULED, IssueState.PAUSED} and issue.letter and issue.letter.started_at is None:
        raise Conflict(
            f"{name}: the issue is scheduled; `newsletter issues cancel {issue.slug}` first, then load again"
        )
