"""Retention: after a letter is over, its counts are kept for good, and its copies until somebody deletes them.

keep_counts   stores the final counts in the letter
drop_copies   deletes the copies; if it was interrupted, it can be called again
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.db import Sessions
from newsletter.delivery.ledger import doubts, partitions
from newsletter.delivery.models import OVER, Copy, CopyNote, Counts, Letter
from newsletter.delivery.reports import stats
from newsletter.errors import Conflict
from newsletter.i18n import formats


def is_over(letter: Letter) -> bool:
    """Whether it is finished or cancelled."""
    return letter.state in OVER


def letter_copies(letter_id: int) -> Select[Copy]:
    """A letter's copies, whatever their state, in the order in which they were written."""
    return select(Copy).where(Copy.letter_id == letter_id).order_by(Copy.id)


def notes_by_copy(session: Session, letter_id: int) -> Mapping[int, Sequence[CopyNote]]:
    """What was learned about a letter's copies after sending, by copy."""
    found: dict[int, list[CopyNote]] = defaultdict(list)
    learned = select(CopyNote).join(Copy, Copy.id == CopyNote.copy_id).where(Copy.letter_id == letter_id)
    for note in session.scalars(learned.order_by(CopyNote.id)):
        found[note.copy_id].append(note)
    return found


def require_over(session: Session, letter: Letter) -> Counts:
    """The counts of a letter that is over; for any other letter Conflict, saying what to wait for."""
    if not is_over(letter):
        raise Conflict(f"it is {letter.state.value}; only finished or cancelled issues can be dropped")
    found = stats.copy_counts(session, letter)
    if under_way := found.pending + found.sending:
        raise Conflict(f"{formats.number(under_way)} of its copies are still under way; try again in some minutes")
    if undecided := doubts.count_open(session, letter.id):
        raise Conflict(
            f"{formats.number(undecided)} of its copies are in doubt; decide about them first, with "
            f"`newsletter issues settle`"
        )
    return found


def drop_copies(sessions: Sessions, letter_id: int) -> int:
    """Store a letter's statistics and counts, and delete its copies for good; how many. Commits by itself.

    Conflict unless the letter is over; Unavailable if the ledger is in use for long, in which case nothing is lost.
    """
    stats.store_stats(sessions, letter_id)
    with sessions.begin() as session:
        keep_counts(session, letter_id)
    return partitions.delete_copies(sessions, letter_id)


def keep_counts(session: Session, letter_id: int) -> None:
    """Store a letter's final counts."""
    # Under a lock, because a doubt settled meanwhile could cause a copy to be sent again.
    letter = session.get_one(Letter, letter_id, with_for_update=True, populate_existing=True)
    letter.final_counts = asdict(require_over(session, letter))
