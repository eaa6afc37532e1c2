"""Pause, resume and stop what goes out: an issue or a correction.

Every transition is a compare-and-set on the letter's state, so two workers or editors cannot make it twice.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session

from newsletter.config import Settings
from newsletter.delivery import breaker, stopping
from newsletter.delivery.models import NOT_BEGUN, OVER, UNDER_WAY, Letter, LetterState
from newsletter.delivery.rate_limit import claim_limiter
from newsletter.delivery.rate_limit.limits import Limits, Throttle
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Correction, Issue
from newsletter.errors import Conflict


def reopen_letter(session: Session, letter: Letter) -> None:
    """Set a finished letter back to running, because it has pending copies again."""
    move_letter(session, letter, OVER, LetterState.RUNNING, finished_at=None)


def pause(session: Session, mailing: Issue | Correction) -> None:
    """Pause an issue or a correction until `resume`: no more copies are claimed. Conflict unless it is being sent."""
    if mailing.letter is None or not move_letter(session, mailing.letter, (LetterState.RUNNING,), LetterState.PAUSED):
        raise _impossible(
            mailing, "only an issue that is being sent can be paused", "not going out, so there is nothing to pause"
        )


def resume(session: Session, mailing: Issue | Correction, now: datetime) -> None:
    """Resume an issue or a correction, or the copies that a breaker holds back; Conflict if none is paused or held."""
    if mailing.letter is None or not resume_letter(session, mailing.letter, now):
        raise _impossible(mailing, "only a paused issue can be resumed", "not paused, so there is nothing to resume")


def resume_letter(session: Session, letter: Letter, now: datetime) -> bool:
    """Resume a letter, and the copies that a breaker holds back; whether any was paused or held."""
    if letter.state not in UNDER_WAY:
        return False
    was_held = breaker.close(session, letter.id, now)
    breaker.release_letter(session, letter.id, now)
    return move_letter(session, letter, (LetterState.PAUSED,), LetterState.RUNNING) or was_held


def cancel(session: Session, mailing: Issue | Correction, now: datetime) -> int:
    """Stop an issue or a correction for good; how many copies are not sent. Conflict if there is nothing to stop.

    For a large letter `stopping.skip_next_group` skips the remaining copies.
    """
    letter, stoppable = mailing.letter, (*NOT_BEGUN, *UNDER_WAY)
    if letter is None or not move_letter(session, letter, stoppable, LetterState.CANCELLED, finished_at=now):
        raise _impossible(mailing, "there is nothing to cancel", "not going out, so there is nothing to stop")
    breaker.close(session, letter.id, now)
    return stopping.skip_first_group(session, letter.id, now)


def _impossible(mailing: Issue | Correction, of_issue: str, of_correction: str) -> Conflict:
    if isinstance(mailing, Correction):
        return Conflict(f"This correction is {of_correction}.")
    return Conflict(f"“{mailing.title}” is {issue_store.state(mailing).phrase}; {of_issue}")


def current_throttle(session: Session, letter: Letter | None, settings: Settings, now: datetime) -> Throttle | None:
    """Why no copies go out although the letter is being sent, and until when; None if they do."""
    is_going = letter is not None and letter.state is LetterState.RUNNING
    return claim_limiter.held_until(session, Limits.from_settings(settings), now) if is_going else None


def move_letter(
    session: Session,
    letter: Letter,
    from_states: Sequence[LetterState],
    to: LetterState,
    *conditions: ColumnElement[bool],
    **moments: datetime | None,
) -> bool:
    """Compare-and-set; False if the letter was not in `from_states`, or a condition does not hold."""
    move = update(Letter).where(Letter.id == letter.id, Letter.state.in_(from_states), *conditions)
    move = move.values(state=to, **moments)
    moved = session.scalar(move.returning(Letter.id).execution_options(synchronize_session=False))
    session.expire(letter, ["state", *moments])
    return moved is not None
