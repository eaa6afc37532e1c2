"""Corrections: what an issue that is out got wrong, published with a note, and the letter that may be mailed about it.

What was mailed never changes. After a correction the archive shows the amended text with a dated note.
"""

import hashlib
import textwrap
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter.delivery.message import merge
from newsletter.editorial.issues import archive_index, correction_draft, issue_store
from newsletter.editorial.issues.correction_draft import CorrectionDraft, NoNote
from newsletter.editorial.issues.drafts import Faulty
from newsletter.editorial.models import Correction, Issue
from newsletter.editorial.rendering import render
from newsletter.editorial.rendering.branding import Branding
from newsletter.editorial.rendering.render import Rendered
from newsletter.editorial.source import issue_file, issue_form, markdown
from newsletter.editorial.source.fields import SUBJECT_LENGTH
from newsletter.editorial.source.front_matter import Fault
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.editorial.source.issue_form import IssueForm
from newsletter.errors import Conflict, NotFound
from newsletter.i18n import formats
from newsletter.i18n.messages import gettext
from newsletter.links import Links

_PREHEADER = 110


@dataclass(frozen=True, slots=True)
class Composed:
    """A letter about a correction: as source, to be checked, and as mail."""

    file: IssueFile
    mail: Rendered


def publish(session: Session, issue: Issue, author: str, now: datetime) -> Correction:
    """Show the newest revision in the archive from now on, with the note that was written (`correction_draft`).

    NoNote if there is none; Conflict if somebody else has just published one. Then nothing is stored.
    """
    sent, draft = require_out(issue), require_note(session, issue)
    is_changed, number = correction_draft.is_changed(issue), correction_draft.next_number(issue)
    if is_changed:
        issue_store.show_newest(session, issue)
    correction = Correction(issue_id=issue.id, number=number, note=draft.note, author=author, writers=draft.writers)
    correction.revision_number, correction.made_at = issue.revision_number, now
    correction.subject, correction.body = _subject(issue), _body(issue, draft.note, sent)
    _add(session, issue, correction)
    session.delete(draft)
    if is_changed:
        archive_index.record(session, issue, issue_store.parse_revision(issue, issue.revision))
    return correction


def require_note(session: Session, issue: Issue) -> CorrectionDraft:
    """The note of the correction that is being prepared; NoNote if there is none."""
    draft = correction_draft.find_draft(session, issue)
    if draft is None or not draft.note:
        raise NoNote("Say what changed; readers see it above the text.")
    return draft


def with_letter(session: Session, letter_id: int) -> Correction | None:
    """The correction that this letter mailed; None if it is no letter of a correction."""
    return session.scalar(select(Correction).where(Correction.letter_id == letter_id))


def find(session: Session, issue: Issue, number: int) -> Correction:
    """The correction of that number; NotFound if the issue has none."""
    mine = select(Correction).where(Correction.issue_id == issue.id, Correction.number == number)
    found = session.scalar(mine)
    if found is None:
        raise NotFound(f"“{issue.title}” has no correction {number}.")
    return found


def edit_letter(session: Session, correction: Correction, seen: str, subject: str, body: str, writer: str) -> None:
    """Change the letter's subject and body; Conflict if it was mailed, or changed since the page with seal `seen`."""
    lock(session, correction, seen)
    correction.subject, correction.body = " ".join(subject.split()), body.strip() + "\n"
    correction.writers = sorted({*correction.writers, writer})
    session.flush()


def lock(session: Session, correction: Correction, seen: str) -> None:
    """Lock the correction until this transaction ends; Conflict unless its seal is still `seen`."""
    session.refresh(correction, with_for_update={"of": Correction})
    if correction.letter_id is not None:
        raise mailed_already(correction)
    if seal(correction) != seen:
        raise Conflict("The email has changed since this page was opened. Nothing was done; look at it again.")


def compose_letter(issue: Issue, correction: Correction, links: Links) -> Composed:
    """The letter as it would be mailed; Faulty, with lines of `letter_source`, if it is not valid."""
    text = letter_source(issue, correction)
    file, faults = issue_file.examine(text, issue.file_name)
    if faults or file.pictures:
        raise Faulty([*faults, *(Fault(ref.line, "a correction shows no pictures") for ref in file.pictures)])
    branding = Branding.for_publication(issue.publication, links)
    return Composed(file, render.correction_mail(file, branding, issue.title))


def letter_source(issue: Issue, correction: Correction) -> str:
    """The letter as an issue file; the faults of the letter name lines of it."""
    preheader = merge.literal(textwrap.shorten(correction.note, _PREHEADER, placeholder=" …"))
    form = IssueForm(_headed(issue, issue.title), correction.subject, preheader, body=correction.body)
    return issue_form.new_file(form)


def seal(correction: Correction) -> str:
    """The form value that says which version of the letter the page showed."""
    return hashlib.sha256(f"{correction.subject}\0{correction.body}".encode()).hexdigest()


def require_out(issue: Issue) -> datetime:
    """When an issue started to go out; Conflict, saying what to do instead, if it has not."""
    if issue.letter is None or issue.letter.started_at is None:
        raise Conflict(f"“{issue.title}” has not gone out yet. Edit its text; there is nothing to correct.")
    return issue.letter.started_at


def mailed_already(correction: Correction) -> Conflict:
    """The error for a letter that has been mailed already."""
    return Conflict(f"Correction {correction.number} has already been sent, and nobody is sent it twice.")


def _subject(issue: Issue) -> str:
    mailed = _headed(issue, issue.letter.subject if issue.letter else issue.subject)
    if len(mailed) in SUBJECT_LENGTH:
        return mailed
    return textwrap.shorten(_headed(issue, issue.title), SUBJECT_LENGTH[-1], placeholder=" …")


def _headed(issue: Issue, heading: str) -> str:
    return gettext("Correction: %(title)s", issue.publication.language, title=heading)


def _body(issue: Issue, note: str, sent: datetime) -> str:
    """What the letter begins as, in the language of its publication."""
    language, title = issue.publication.language, markdown.escaped(issue.title)
    day = formats.day(sent, issue.publication.time_zone, language)
    parts = (
        gettext("Hello {{ name | friend }},", language),
        gettext("Something was wrong in “%(title)s”, our issue of %(day)s:", language, title=title, day=day),
        f"> {markdown.escaped(note)}",
        gettext("The text on our site is corrected. We are sorry for the mistake.", language),
    )
    return "\n\n".join(parts) + "\n"


def _add(session: Session, issue: Issue, correction: Correction) -> None:
    try:
        # If two editors publish at once, the unique key refuses the second.
        with session.begin_nested():
            session.add(correction)
            session.flush()
    except IntegrityError:
        raise Conflict(f"“{issue.title}” has just been corrected by somebody else. Look at it first.") from None
    session.expire(issue, ["corrections"])
