"""Fill the queue: add the issues that are ready in one act, knowing beforehand which slots they would fill."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from newsletter.editorial.issues import listing
from newsletter.editorial.models import Issue
from newsletter.editorial.schedule import queue
from newsletter.errors import Conflict
from newsletter.links import Links
from newsletter.workflows import issue_readiness
from newsletter.workflows.calendar import Calendar, CalendarEntry, PassedOver

AT_ONCE = 20
_EXAMINED = 60


@dataclass(frozen=True, slots=True)
class QueuePlan:
    """The issues that would be added to the queue, in order, and the slots that they would fill."""

    issues: Sequence[Issue]
    entries: Sequence[CalendarEntry]
    left_out: Sequence[PassedOver]
    """The ready issues that cannot go out yet, and why."""
    is_whole: bool
    """Whether these are all the issues that are ready."""
    mark: str
    """Identifies the plan, for the form that carries it out."""


def plan(calendar: Calendar) -> QueuePlan:
    """The issues that are ready and wait nowhere, as the calendar lists them; at most `AT_ONCE`."""
    session, publication_id = calendar.session, calendar.publication.id
    ready = [one for one in listing.unscheduled(session, publication_id, _EXAMINED) if queue.is_ready(one)]
    fit, left_out = _divide(ready, calendar.links)
    added = {one.id for one in fit}
    forecast = replace(calendar, joining=fit).ahead_of_queue(0) if fit else []
    entries = [entry for entry in forecast if entry.issue and entry.issue.id in added]
    is_whole = len(fit) + len(left_out) == len(ready) <= _EXAMINED
    return QueuePlan(fit, entries, left_out, is_whole, _mark(queue.order(session, publication_id), entries))


def carry_out(calendar: Calendar, seen: str) -> QueuePlan:
    """Add the planned issues to the queue; Conflict, and nothing is added, unless the plan is still as `seen`."""
    planned = plan(calendar)
    if planned.mark != seen or not planned.issues:
        raise Conflict(
            "The queue, the slots or the ready issues have changed since this page was opened. Nothing was done. "
            "Look at the calendar again, then decide."
        )
    for issue in planned.issues:
        queue.add(calendar.session, issue, calendar.now)
    return planned


def _divide(ready: Sequence[Issue], links: Links) -> tuple[list[Issue], list[PassedOver]]:
    """The first issues that may go out, and those before them that may not."""
    fit: list[Issue] = []
    left_out: list[PassedOver] = []
    for issue in ready:
        if len(fit) == AT_ONCE:
            break
        if blocker := issue_readiness.blocker(issue, links):
            left_out.append(PassedOver(issue, blocker))
        else:
            fit.append(issue)
    return fit, left_out


def _mark(order: Sequence[int], entries: Sequence[CalendarEntry]) -> str:
    filled = [(entry.at, entry.issue.id, entry.issue.revision_number) for entry in entries if entry.issue]
    return hashlib.sha256(repr((order, filled)).encode()).hexdigest()[:16]
