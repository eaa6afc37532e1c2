"""Fill slots: at the time of a weekly slot, freeze the first issue of the queue that may go out.

Nothing in the queue is frozen earlier (docs/decisions/0008-the-queue-freezes-at-the-hour.md), so an issue that was
edited a second ago is a draft and is passed over. A slot claim lets one worker handle each slot once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from newsletter.audience.services import AudienceServices
from newsletter.delivery.models import Letter
from newsletter.editorial.models import Issue, SlotStep
from newsletter.editorial.schedule import slot_claims
from newsletter.errors import PressError
from newsletter.i18n import formats
from newsletter.publications import Publication
from newsletter.workflows import calendar, publish, warn_editors
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.calendar import Calendar, OpenSlot, PassedOver
from newsletter.workflows.warn_editors import SlotProblem

log = structlog.get_logger()

_NOBODY = "When it came, no issue was scheduled for it, and the queue was empty."
_NONE_COULD = "When it came, no issue was scheduled for it, and none in the queue could go out. "
_DOWN = "No worker was running when it came, and it is now too late to fill it from the queue."


def open_slots(session: Session, grace: timedelta, now: datetime) -> list[OpenSlot]:
    """The open slots, the longest due first; none from before sending was allowed or the slot was created."""
    return calendar.open_slots(session, grace, now, calendar.unhandled_slots)


def fill_slot(
    session: Session,
    audience: AudienceServices,
    letters: LetterSettings,
    opening: OpenSlot,
    grace: timedelta,
    now: datetime,
) -> Letter | None:
    """Freeze the first issue of the queue that may go out, or tell the editors there is none. Safe with two workers.

    A slot later than the grace is not filled. The letter is started by `publish_due`.
    """
    publication = session.get_one(Publication, opening.publication_id)
    is_mine = slot_claims.claim(session, publication.id, opening.at, SlotStep.HOUR)
    if not is_mine or calendar.is_taken(session, publication, opening.at):
        return None
    if now - opening.at > grace:
        _tell(session, audience, opening, _DOWN, now)
        return None
    letter, passed = _first_that_may(session, letters, opening, now)
    if letter is None:
        _tell(session, audience, opening, f"{_NONE_COULD}{warn_editors.lacks(passed)}" if passed else _NOBODY, now)
    return letter


def _first_that_may(
    session: Session, letters: LetterSettings, opening: OpenSlot, now: datetime
) -> tuple[Letter | None, Sequence[PassedOver]]:
    allocator = calendar.SlotAllocator(session, letters.links, opening.publication_id)
    issue, passed = allocator.take(opening.at)
    while issue:
        if letter := _frozen(session, letters, issue, opening.at, now):
            log.info("slot filled from the queue", issue=issue.id, letter=letter.id)
            return letter, passed
        issue, passed = allocator.take(opening.at)
    return None, passed


def _frozen(session: Session, letters: LetterSettings, issue: Issue, at: datetime, now: datetime) -> Letter | None:
    try:
        with session.begin_nested():
            return publish.freeze_queued(session, letters, issue, at, now)
    except PressError as error:
        # It was changed just now. The error's text may name a person, so it is not logged.
        log.warning("queued issue passed over", issue=issue.id, error=type(error).__name__)
        return None


def _tell(session: Session, audience: AudienceServices, opening: OpenSlot, why: str, now: datetime) -> None:
    publication = session.get_one(Publication, opening.publication_id)
    coming = Calendar(session, audience.links, publication, now, timedelta()).following()
    then = f"The next slot is {formats.moment(coming.at, coming.time_zone)}. " if coming else ""
    missed = f"{formats.brief(opening.at, opening.time_zone)} passed without an issue"
    problem = SlotProblem(missed, why, f"{then}An issue that is ready can also be sent now, from its page.")
    slot = formats.moment(opening.at, opening.time_zone)
    warn_editors.send_warning(session, audience, publication, slot, problem, now)
    log.warning("slot passed without an issue", publication=publication.id)
