"""What both views of the calendar share: the page, the queue, what is not scheduled, and the offer to fill slots."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import request

from newsletter.db import Session
from newsletter.editorial.issues import listing
from newsletter.editorial.models import Issue
from newsletter.editorial.schedule import queue
from newsletter.publications import Publication
from newsletter.web.context import services
from newsletter.web.desk import fill_offer, frame
from newsletter.web.desk.fill_offer import FillOffer
from newsletter.workflows import issue_readiness, place_issue
from newsletter.workflows.calendar import CalendarEntry
from newsletter.workflows.issue_readiness import Blocker

_AT_ONCE = 15
"""The number of unscheduled issues that are shown; the list of issues has them all."""


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """An issue in the queue, and what its place means."""

    issue: Issue
    entry: CalendarEntry | None
    """The slot that it would fill; None if it would be passed over, or there is no slot."""
    blocker: Blocker | None
    """Why it would be passed over."""


@dataclass(frozen=True, slots=True)
class QueueView:
    """What a page shows of the queue."""

    entries: Sequence[CalendarEntry]
    """The coming slots, as many as the queue needs and some more."""
    places: Sequence[QueuePlace]
    unplaced: Sequence[Issue]
    """Issues that are neither scheduled nor queued."""
    has_more: bool
    """Whether there are more of them."""
    offer: FillOffer | None

    @property
    def seen(self) -> str:
        """The order of the queue, for the forms that change it."""
        return ",".join(str(place.issue.id) for place in self.places)

    @property
    def sent(self) -> Sequence[CalendarEntry]:
        """The slots that the queue fills, soonest first."""
        return [entry for entry in self.entries if entry.is_queued]


def of_publication(store: Session, publication: Publication) -> QueueView:
    """The queue of a publication as it is now."""
    waiting = store.scalars(queue.listing(publication.id)).all()
    entries = frame.calendar_of(store, publication).ahead_of_queue(fill_offer.WEEKS)
    unplaced = listing.unscheduled(store, publication.id, _AT_ONCE)
    return QueueView(
        entries,
        list(_places(waiting, entries)),
        unplaced[:_AT_ONCE],
        has_more=len(unplaced) > _AT_ONCE,
        offer=fill_offer.of_publication(store, publication, entries),
    )


def page(
    store: Session, template: str, publication: Publication, queued: QueueView, back: str, **values: object
) -> str:
    """A view of the calendar; `back` names it in the forms that lead back to it."""
    return frame.page(
        store,
        template,
        "calendar",
        publication,
        publication_shown=publication,
        queued=queued,
        back=back,
        can_take=place_issue.can_take,
        mark_of=place_issue.slot_mark,
        pressed=request.args.get("pressed", ""),
        **values,
    )


def _places(waiting: Sequence[Issue], entries: Sequence[CalendarEntry]) -> Iterator[QueuePlace]:
    filled = {entry.issue.id: entry for entry in entries if entry.issue}
    for issue in waiting:
        entry = filled.get(issue.id)
        yield QueuePlace(issue, entry, None if entry else issue_readiness.blocker(issue, services().links))
