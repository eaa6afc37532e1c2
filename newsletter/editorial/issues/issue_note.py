"""The team's note on an issue, which editors leave for each other; it is never sent or published."""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter import characters
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict

LONGEST_NOTE = 2_000


def replace_note(session: Session, issue: Issue, text: str, seen: int, by: str, now: datetime) -> None:
    """Replace the note, or remove it with an empty text; Conflict if it was changed since the page with number `seen`.

    A note that has this text already is left alone, so a form may be sent twice. Invalid if the text is too long.
    """
    note = characters.clean_passage(characters.storable(text), "the note", LONGEST_NOTE)
    session.refresh(issue, with_for_update={"of": Issue})
    if issue.note == note:
        return
    if issue.note_number != seen:
        who = "You have" if issue.note_by == by else f"{issue.note_by} has"
        act = "changed" if issue.note else "removed"
        raise Conflict(f"{who} {act} the note since this page was opened.")
    issue.note, issue.note_by, issue.note_at = note, by, now
    issue.note_number += 1
