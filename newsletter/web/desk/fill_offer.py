"""The offer to fill the coming slots with what is ready: what one press would do, or what is missing for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from newsletter.db import Session
from newsletter.editorial.issues import listing
from newsletter.editorial.issues.listing import Criteria
from newsletter.editorial.models import IssueState
from newsletter.editorial.schedule.weekly_slots import on_clocks
from newsletter.editors import Role
from newsletter.i18n import formats
from newsletter.publications import Publication
from newsletter.web.desk import frame, words
from newsletter.workflows import fill_queue
from newsletter.workflows.calendar import CalendarEntry
from newsletter.workflows.fill_queue import QueuePlan

WEEKS = 8
"""How many slots ahead the calendar looks, unless the queue is longer."""
_MOST_DAYS = 6


@dataclass(frozen=True, slots=True)
class FillOffer:
    """What the button would do, in a sentence, or what is missing for it."""

    plan: QueuePlan
    drafts: int
    """How many drafts there are, if nothing is ready."""

    @property
    def sentence(self) -> str:
        """`3 ready issues fill 1, 8 and 15 December.`"""
        count = len(self.plan.issues)
        if self.plan.is_whole or count == 1:
            ready = formats.counted(count, "ready issue")
        else:
            ready = f"The first {count} ready issues"
        return f"{ready} {formats.plural(count, 'fills', 'fill')} {slot_days(self.plan.entries)}."


def of_publication(
    store: Session, publication: Publication, ahead: Sequence[CalendarEntry] | None = None
) -> FillOffer | None:
    """The offer for a publication's next slots; None if each has an issue, or this person may not fill them."""
    if not words.may(Role.EDITOR):
        return None
    calendar = frame.calendar_of(store, publication)
    entries = calendar.ahead(WEEKS) if ahead is None else ahead
    coming = islice((one for one in entries if one.is_slot and not one.off and not one.is_due), WEEKS)
    if all(entry.issue for entry in coming):
        return None
    planned = fill_queue.plan(calendar)
    has_ready = planned.issues or planned.left_out
    counts = {} if has_ready else listing.count_by_state(store, publication, Criteria())
    return FillOffer(planned, counts.get(IssueState.DRAFT, 0))


def slot_days(entries: Sequence[CalendarEntry]) -> str:
    """The days of some slots: `1, 8 and 15 December`; of many the first and the last."""
    days = sorted({on_clocks(entry.at, entry.time_zone).date() for entry in entries})
    if len(days) > _MOST_DAYS:
        return f"the slots from {formats.plain_day(days[0])} to {formats.plain_day(days[-1])}"
    return formats.day_list(days)
