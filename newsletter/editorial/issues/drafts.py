"""Drafts: the text an editor is typing, saved at every pause until it becomes a revision.

A draft may be any text, also incomplete and invalid; each editor has one per issue. A revision is valid and never
changes. What was written meanwhile by a colleague or in another window is merged in; only where both changed the
same sentence does a person have to decide.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.db import insert
from newsletter.editorial.images import pictures
from newsletter.editorial.issues import issue_store, merge, slugs
from newsletter.editorial.issues.issue_store import Saved, Text
from newsletter.editorial.issues.merge import Merged
from newsletter.editorial.models import Draft, Issue, Revision
from newsletter.editorial.source import issue_file
from newsletter.editorial.source.front_matter import Fault, split
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.errors import Conflict, Invalid

REVISION_EVERY = timedelta(minutes=5)
"""A valid draft becomes a revision this long after its first change, at the latest."""


class MergeConflict(Conflict):
    """Two texts of an issue changed the same passage in different ways."""

    def __init__(self, message: str, merged: Merged, base: int) -> None:
        super().__init__(message)
        self.merged = merged
        self.base = base
        """`base` is the revision that the merged text is based on."""


class UnknownDraft(Conflict):
    """The draft is not the one the window knows, and the window did not send the text that it last had in common."""


class OtherTabConflict(MergeConflict):
    """The conflicting text is the same editor's from another window; this one was not stored as a draft."""


class RevisionConflict(MergeConflict):
    """The conflicting text is the newest revision; this one is stored as a draft."""


class Faulty(Invalid):
    """A text that is not a valid issue."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.text for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class EditorText:
    """The state of a window: the whole text, the revision it is based on, and the draft's counter (0: no draft)."""

    source: str
    base: int
    number: int = 0
    tab: str = ""
    turn: int = 0
    """The window's id, and the sequence number of this text in it; unset without JavaScript."""
    before: str | None = None
    """The text that this window last had in common with the draft; None without JavaScript."""


@dataclass(frozen=True, slots=True)
class ParsedText:
    """A text parsed as an issue as far as possible, its faults, and the pictures that it can show."""

    file: IssueFile
    faults: Sequence[Fault]
    pictures: Mapping[str, str]


def unsaved_draft(session: Session, issue: Issue, editor: str) -> Draft | None:
    """This editor's unsaved draft of an issue; None if there is none."""
    draft = latest_draft(session, issue, editor)
    return draft if draft and not draft.saved else None


def latest_draft(session: Session, issue: Issue, editor: str) -> Draft | None:
    """This editor's last draft of an issue, saved or not; None if there is none."""
    return session.get(Draft, (issue.id, editor), populate_existing=True)


def lock_draft(session: Session, issue: Issue, editor: str) -> Draft:
    """The draft, locked until this transaction ends."""
    return session.get_one(Draft, (issue.id, editor), populate_existing=True, with_for_update=True)


def unsaved_drafts(issue: Issue) -> Select[Draft]:
    """Every editor's unsaved draft of an issue, the latest first."""
    return select(Draft).where(Draft.issue_id == issue.id, ~Draft.saved).order_by(Draft.kept_at.desc())


def keep(session: Session, issue: Issue, typed: EditorText, editor: str, now: datetime) -> Draft:
    """Store any text as this editor's draft, merged with other windows' changes; OtherTabConflict if they clash."""
    draft = _first_draft(session, issue, typed, editor, now) or lock_draft(session, issue, editor)
    if is_late(draft, typed.tab, typed.turn):
        return draft
    text = typed.source if _goes_on(draft, typed) else _merged(session, issue, draft, typed)
    if draft.saved and text != draft.source:
        draft.began_at, draft.saved = now, False
    draft.base_number = max(draft.base_number, typed.base)
    _write(draft, text, typed, now)
    with suppress(RevisionConflict):
        _catch_up(session, issue, draft, now)
    draft.saved = draft.source == issue.revision.source and draft.base_number == issue.revision_number
    session.flush()
    return draft


def is_late(draft: Draft | None, tab: str, turn: int) -> bool:
    """Whether a later text of the same window has arrived already."""
    return draft is not None and bool(tab) and draft.tab == tab and turn < draft.turn


def is_due(draft: Draft, now: datetime) -> bool:
    """Whether the draft is old enough to become a revision by itself (`REVISION_EVERY`)."""
    return now - draft.began_at >= REVISION_EVERY


def save(session: Session, issue: Issue, draft: Draft, now: datetime) -> Saved:
    """Make a draft the newest revision; Faulty if it is not valid, RevisionConflict if it clashes with a newer one."""
    _catch_up(session, issue, draft, now)
    saved = issue_store.revise(session, issue, _text(session, issue, draft), draft.base_number, draft.editor, now)
    draft.base_number, draft.saved = issue.revision_number, True
    session.flush()
    return saved


def save_if_valid(session: Session, issue: Issue, draft: Draft, now: datetime) -> Saved | None:
    """Save a draft as a revision if it is valid and does not clash; otherwise it stays a draft, and returns None."""
    with suppress(Invalid, Conflict), session.begin_nested():
        return save(session, issue, draft, now)
    session.refresh(draft)
    return None


def discard(session: Session, issue: Issue, draft: Draft) -> None:
    """Discard a draft in favour of the newest revision."""
    draft.source, draft.base_number, draft.saved = issue.revision.source, issue.revision_number, True
    draft.number, draft.tab = draft.number + 1, ""
    session.flush()


def restore(session: Session, issue: Issue, revision: Revision, editor: str, now: datetime) -> Saved:
    """Save an older revision's text as the newest revision."""
    draft = Draft(issue_id=issue.id, editor=editor, source=revision.source, base_number=issue.revision_number)
    text = _text(session, issue, draft)
    return issue_store.revise(session, issue, text, draft.base_number, editor, now)


def examine(session: Session, issue: Issue, source: str) -> ParsedText:
    """Parse a text as an issue as far as possible; Invalid only if it is too large."""
    file, faults = issue_file.examine(source, issue.file_name)
    known = pictures.attached(session, issue)
    missing = [
        Fault(ref.line, f'this issue has no picture "{ref.name}"; paste or drop it into the text')
        for ref in file.pictures
        if ref.name not in known
    ]
    in_order = sorted([*faults, *missing], key=lambda fault: fault.line or 0)
    return ParsedText(file, in_order, {ref.name: known[ref.name] for ref in file.pictures if ref.name in known})


def _first_draft(session: Session, issue: Issue, typed: EditorText, editor: str, now: datetime) -> Draft | None:
    """A first draft; None if this editor has one."""
    fresh = {"issue_id": issue.id, "editor": editor, "base_number": typed.base, "number": typed.number + 1}
    text = {"source": typed.source, "tab": typed.tab, "turn": typed.turn, "began_at": now, "kept_at": now}
    start = insert(session, Draft).values(fresh | text).on_conflict_do_nothing().returning(Draft.number)
    return None if session.scalar(start) is None else lock_draft(session, issue, editor)


def _goes_on(draft: Draft, typed: EditorText) -> bool:
    """Whether a window has seen or written the draft as it is now."""
    wrote_it = bool(typed.tab) and draft.tab == typed.tab
    return wrote_it or draft.number == typed.number or draft.source == typed.source


def _merged(session: Session, issue: Issue, draft: Draft, typed: EditorText) -> str:
    if typed.tab and typed.before is None:
        raise UnknownDraft("The draft has changed since this window saw it. Send what the window knows of it, too.")
    # The text that the window knows is not an ancestor of a draft based on an older revision.
    known = typed.before if draft.base_number >= typed.base else None
    before = known if known is not None else _source(session, issue, min(draft.base_number, typed.base))
    merged = merge.merge(before, typed.source, draft.source)
    if merged.clashes:
        message = "You changed the same passage in another window or on another device."
        raise OtherTabConflict(message, merged, max(draft.base_number, typed.base))
    return merged.text


def _catch_up(session: Session, issue: Issue, draft: Draft, now: datetime) -> None:
    """Merge the revisions saved since its base into a draft; RevisionConflict if they clash."""
    session.refresh(issue)
    if draft.base_number >= issue.revision_number:
        return
    newest = issue.revision
    merged = merge.merge(_source(session, issue, draft.base_number), draft.source, newest.source)
    if merged.clashes:
        who = "You" if newest.author == draft.editor else newest.author
        raise RevisionConflict(
            f"{who} changed the same passage, and saved it as revision {newest.number}.", merged, newest.number
        )
    draft.base_number = newest.number
    _write(draft, merged.text, None, now)


def _write(draft: Draft, text: str, typed: EditorText | None, now: datetime) -> None:
    """Write a text into a draft, with the window it came from unless something was merged into it."""
    is_own = typed is not None and text == typed.source
    if text != draft.source:
        draft.number += 1
        draft.source, draft.kept_at, draft.tab = text, now, ""
    if typed and is_own:
        draft.tab, draft.turn = typed.tab, typed.turn


def _source(session: Session, issue: Issue, number: int) -> str:
    return issue_store.revision(session, issue, number).source


def _text(session: Session, issue: Issue, draft: Draft) -> Text:
    read = examine(session, issue, draft.source)
    # An issue that is out must keep its title, subject and text.
    faults = list(read.faults) if issue_store.is_out(issue) else issue_file.lasting(read.faults)
    faults += _moved(issue, read.file) or _taken(session, issue, read.file)
    if faults:
        raise Faulty(faults)
    return Text(read.file, slugs.file_name(issue, read.file.slug), read.pictures)


def _taken(session: Session, issue: Issue, file: IssueFile) -> list[Fault]:
    other = select(Issue.title).where(Issue.slug == file.slug, Issue.id != issue.id)
    title = session.scalar(other)
    entry = split(file.source).entries.get("slug")
    sentence = f'“{title}” already has the slug "{file.slug}"; choose another'
    return [Fault(entry.line if entry else None, sentence)] if title else []


def _moved(issue: Issue, file: IssueFile) -> list[Fault]:
    if file.slug == issue.slug or not issue_store.is_out(issue):
        return []
    entry = split(file.source).entries.get("slug")
    message = f'an issue that is out keeps its address; leave the slug as it was: "{issue.slug}"'
    return [Fault(entry.line if entry else None, message)]
