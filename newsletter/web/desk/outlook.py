"""What will happen to an issue, and how far it has got, for its page and for those that start or stop it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.audience import delivery_hours
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.store import Segment
from newsletter.db import Session
from newsletter.delivery.models import Counts
from newsletter.editorial.models import Issue, IssueKind
from newsletter.editorial.preflight import Level
from newsletter.editorial.schedule import queue
from newsletter.errors import Invalid, NotFound
from newsletter.web.context import now, services
from newsletter.web.desk import frame, progress_view, timed_cache
from newsletter.web.desk.progress_view import ProgressView
from newsletter.workflows import build_letter, monthly_digest, prepare_issue, run_preflight
from newsletter.workflows.calendar import CalendarEntry
from newsletter.workflows.run_preflight import Inspection


@dataclass(frozen=True, slots=True)
class Outlook:
    """The past and future of an issue, for its page."""

    inspection: Inspection | None
    """The preflight findings, while the issue can be edited."""
    audience: int
    """How many readers it would go to now."""
    segments: Sequence[Segment]
    """The segments it could go to, while it can be edited."""
    next_free: datetime | None
    """The first slot that no other issue has, or the one that its place in the queue gives it; of a digest, its own."""
    place: int | None
    """Its place in the queue, from 1."""
    queue_entry: CalendarEntry | None
    """The slot in which the queue sends it; None if it does not."""
    progress: ProgressView | None
    """The progress of sending, once it has begun."""
    missing: Sequence[str] = ()
    """Which of title and subject are still missing."""

    @property
    def counts(self) -> Counts | None:
        """The counts of its copies, once there are any."""
        return self.progress.counts if self.progress else None

    @property
    def waiting(self) -> int:
        """How many copies are still to be sent."""
        return self.progress.waiting if self.progress else 0

    @property
    def blocking(self) -> int:
        """The number of findings that block the issue."""
        return len(self.inspection.of_level(Level.BLOCKING)) if self.inspection else 0


def of_issue(store: Session, found: Issue) -> Outlook:
    """The past and future of an issue."""
    is_open = build_letter.is_open(found)
    place = queue.position(store, found) if is_open else None
    return Outlook(
        inspection=inspect(store, found) if is_open else None,
        audience=_audience(store, found),
        segments=segments.every(store, found.publication_id) if is_open and found.kind is IssueKind.ISSUE else (),
        next_free=_next_time(store, found) if is_open else None,
        place=place,
        queue_entry=frame.calendar_of(store, found.publication).queued_entry(found) if place else None,
        progress=progress_view.progress_of(store, found.letter, fresh=True),
        missing=_missing(found) if is_open else (),
    )


def _missing(found: Issue) -> list[str]:
    file = prepare_issue.prepare(found, services().links).source
    return [name for name in ("title", "subject") if not getattr(file, name)]


def _next_time(store: Session, found: Issue) -> datetime | None:
    if found.kind is IssueKind.DIGEST:
        return monthly_digest.next_time(store, found.publication, now())
    return frame.calendar_of(store, found.publication).place(found)


def last_hour(store: Session, found: Issue, slot: datetime) -> datetime | None:
    """When the last copy leaves that waits for its reader's hour, if the issue goes out then; None if none waits."""
    return max((start.at for start in delivery_hours.hour_starts(store, found.publication, slot, slot)), default=None)


def _audience(store: Session, found: Issue) -> int:
    """How many readers it would go to; 0 if its segment can no longer be resolved, which its page says."""
    try:
        return timed_cache.issue_audience(store, found, now())
    except (Invalid, NotFound):
        return 0


def inspect(store: Session, found: Issue) -> Inspection:
    """The findings for an issue as it is saved."""
    return run_preflight.inspect(store, found, services().links, may_ask=services().settings.link_checks)
