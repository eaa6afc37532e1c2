"""Drafts: what an editor has typed, kept at every pause, until it becomes a revision.

A draft may be any text, half-done and faulty; each editor has one for an issue. A revision is whole, and stays.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from newsletter.db import insert
from newsletter.editorial import issue_file, pictures, shelf
from newsletter.editorial.front_matter import Fault, split
from newsletter.editorial.issue_file import IssueFile
from newsletter.editorial.models import Draft, Issue, Revision
from newsletter.editorial.shelf import Saved, Text
from newsletter.errors import Conflict, Invalid

REVISION_EVERY = timedelta(minutes=5)
"""A draft that is whole becomes a revision at the latest so long after its first change."""


class Elsewhere(Conflict):
    """The same editor has typed on in another window."""


class Faulty(Invalid):
    """A text that cannot be an issue yet."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.text for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Typed:
    """What a window holds: the whole text, the revision that it goes on from, and the draft's count (0: none)."""

    source: str
    base: int
    number: int = 0


@dataclass(frozen=True, slots=True)
class Examined:
    """A text as far as it reads as an issue, what is wrong with it, and the pictures that it can show."""

    file: IssueFile
    faults: Sequence[Fault]
    pictures: Mapping[str, str]


def own(session: Session, issue: Issue, editor: str) -> Draft | None:
    """What this editor has typed into an issue and not saved yet."""
    return session.get(Draft, (issue.id, editor), populate_existing=True)


def unsaved(issue: Issue) -> Select[Draft]:
    """Every editor's draft of an issue, the latest first."""
    return select(Draft).where(Draft.issue_id == issue.id).order_by(Draft.kept_at.desc())


def keep(session: Session, issue: Issue, typed: Typed, editor: str, now: datetime) -> Draft:
    """Keep a text, whatever it is, as this editor's draft; Elsewhere if another window of theirs has, meanwhile."""
    go_on = update(Draft).where(Draft.issue_id == issue.id, Draft.editor == editor, Draft.number == typed.number)
    fresh = {"source": typed.source, "base_number": typed.base, "number": typed.number + 1, "kept_at": now}
    row = {"issue_id": issue.id, "editor": editor, "began_at": now, **fresh}
    start = insert(session, Draft).values(row).on_conflict_do_nothing()
    if not (
        session.scalar(go_on.values(fresh).returning(Draft.number).execution_options(synchronize_session=False))
        or session.scalar(start.returning(Draft.number))
    ):
        raise Elsewhere("You have written on in another window or on another device. Put the two together.")
    return session.get_one(Draft, (issue.id, editor), populate_existing=True)


def is_due(draft: Draft, now: datetime) -> bool:
    """Whether it has been a draft for so long that it should become a revision by itself."""
    return now - draft.began_at >= REVISION_EVERY


def save(session: Session, issue: Issue, draft: Draft, now: datetime) -> Saved:
    """Make a draft the newest revision; Faulty if it is not whole, Outdated if somebody else has saved meanwhile."""
    saved = shelf.revise(session, issue, _text(session, issue, draft), draft.base_number, draft.editor, now)
    drop(session, draft)
    return saved


def settle(session: Session, issue: Issue, draft: Draft, now: datetime) -> Saved | None:
    """Save a draft if it can be; otherwise it stays as it is, and nothing is lost."""
    with suppress(Invalid, Conflict), session.begin_nested():
        return save(session, issue, draft, now)
    return None


def drop(session: Session, draft: Draft) -> None:
    """Forget a draft as it was read, and none that was kept since."""
    same = (Draft.issue_id == draft.issue_id, Draft.editor == draft.editor, Draft.number == draft.number)
    session.execute(delete(Draft).where(*same))


def restore(session: Session, issue: Issue, revision: Revision, editor: str, now: datetime) -> Saved:
    """Make an older text the newest revision again."""
    draft = Draft(issue_id=issue.id, editor=editor, source=revision.source, base_number=issue.revision_number)
    text = _text(session, issue, draft)
    return shelf.revise(session, issue, text, draft.base_number, editor, now)


def examine(session: Session, issue: Issue, source: str) -> Examined:
    """A text as an issue, as far as it goes; Invalid only where it is too large to look at."""
    file, faults = issue_file.examine(source, issue.file_name)
    known = pictures.attached(session, issue)
    missing = [_no_picture(ref) for ref in file.pictures if ref.name not in known]
    in_order = sorted([*faults, *missing], key=lambda fault: fault.line or 0)
    return Examined(file, in_order, {ref.name: known[ref.name] for ref in file.pictures if ref.name in known})


def _text(session: Session, issue: Issue, draft: Draft) -> Text:
    read = examine(session, issue, draft.source)
    faults = [*read.faults, *_taken(session, issue, read.file)]
    if faults:
        raise Faulty(faults)
    return Text(read.file, _file_name(issue, read.file.slug), read.pictures)


def _taken(session: Session, issue: Issue, file: IssueFile) -> list[Fault]:
    other = select(Issue.title).where(Issue.slug == file.slug, Issue.id != issue.id)
    title = session.scalar(other)
    entry = split(file.source).entries.get("slug")
    sentence = f'“{title}” has the slug "{file.slug}" already; choose another'
    return [Fault(entry.line if entry else None, sentence)] if title else []


def _file_name(issue: Issue, slug: str) -> str:
    """The issue's file: under its slug, with the date that it has."""
    if slug == issue.slug:
        return issue.file_name
    date = PurePosixPath(issue.file_name).stem[: len("2026-11-24-")]
    return f"{date}{slug}.md" if date[:1].isdigit() else f"{slug}.md"


def _no_picture(ref: issue_file.PictureRef) -> Fault:
    return Fault(ref.line, f'this issue has no picture "{ref.name}"; paste or drop it into the text')
