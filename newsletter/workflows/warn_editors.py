"""Warn the editors two days and two hours before a slot if it will not be filled as planned, and when it was missed.

So for each time outside the slots that an issue is scheduled for. At each of these moments a slot is checked once, by
one worker. A slot that is fine then is not checked again until the next, so an editor who briefly withdraws an issue
gets no warning.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience.services import AudienceServices
from newsletter.delivery.workers import send_permission
from newsletter.editorial.models import SlotStep
from newsletter.editorial.schedule import occurrences, slot_claims
from newsletter.editors import emails
from newsletter.editors.emails import EmailContext
from newsletter.i18n import formats
from newsletter.publications import Publication
from newsletter.workflows import calendar
from newsletter.workflows.calendar import Calendar, CalendarEntry, PassedOver

KIND = "slot_warning"
_MEND = {
    "is a draft": "Open the issue, fix it and mark it as ready",
    "needs an approval": "Ask for approval on the issue's page",
    "goes to a segment that no longer works": "Choose whom it goes to on the issue's page",
}
_AHEAD = {SlotStep.TWO_DAYS: timedelta(days=2), SlotStep.TWO_HOURS: timedelta(hours=2)}


@dataclass(frozen=True, slots=True)
class DueCheck:
    """A slot, or another time that an issue is scheduled for, whose check is due."""

    publication_id: int
    at: datetime
    kind: SlotStep


@dataclass(frozen=True, slots=True)
class SlotProblem:
    """Why a slot will not be filled as planned, or was not, in sentences for its editors."""

    headline: str
    why: str
    remedy: str


def due_checks(session: Session, now: datetime) -> list[DueCheck]:
    """The checks that are due, soonest first; none while this database may not send."""
    armed_at = send_permission.read_permission(session).armed_at
    if armed_at is None:
        return []
    every = session.scalars(publications.all_publications()).all()
    found = [check for publication in every for check in _due_checks(session, publication, armed_at, now)]
    return [one for one in found if not slot_claims.is_claimed(session, one.publication_id, one.at, one.kind)]


def check_slot(
    session: Session, audience: AudienceServices, check: DueCheck, now: datetime, *, grace: timedelta
) -> SlotProblem | None:
    """Check what goes out then, and mail the editors if there is a problem; None also if another worker has checked it.

    `grace` is how late a missed slot is still filled, which would take an issue from the queue.
    """
    if not slot_claims.claim(session, check.publication_id, check.at, check.kind):
        return None
    publication = session.get_one(Publication, check.publication_id)
    entry = _entry(Calendar(session, audience.links, publication, now, grace), check.at)
    problems = [problem for problem in (_problem(entry), _digest_problem(entry)) if problem] if entry else []
    for problem in problems:
        slot = formats.moment(check.at, entry.time_zone) if entry else ""
        send_warning(session, audience, publication, slot, problem, now)
    return problems[0] if problems else None


def send_warning(
    session: Session,
    audience: AudienceServices,
    publication: Publication,
    slot: str,
    problem: SlotProblem,
    now: datetime,
) -> None:
    """Mail every owner and editor."""
    fields = {"headline": problem.headline, "slot": slot, "why": problem.why, "remedy": problem.remedy}
    fields["calendar_url"] = audience.links.desk("calendar", publication.slug)
    emails.mail_editors(session, EmailContext(publication, audience.compose, audience.links), KIND, fields, now)


def _due_checks(session: Session, publication: Publication, armed_at: datetime, now: datetime) -> Iterator[DueCheck]:
    for at, since in sorted(_planned(session, publication, now).items()):
        kind = SlotStep.TWO_HOURS if at <= now + _AHEAD[SlotStep.TWO_HOURS] else SlotStep.TWO_DAYS
        # A check is not due if the slot was created, or sending was allowed, after its time.
        if at - _AHEAD[kind] > max(since, armed_at):
            yield DueCheck(publication.id, at, kind)


def _planned(session: Session, publication: Publication, now: datetime) -> dict[datetime, datetime]:
    """The times of the next two days at which something is to go out, each with since when that is planned."""
    until = now + _AHEAD[SlotStep.TWO_DAYS]
    waiting = (issue.letter for issue in session.scalars(calendar.scheduled(publication)) if issue.letter)
    by_hand = {letter.due_at: letter.created_at for letter in waiting if now < letter.due_at <= until}
    soon = takewhile(lambda occurrence: occurrence.at <= until, occurrences.occurrences(publication, now))
    return by_hand | {occurrence.at: occurrence.slot.since for occurrence in soon if not occurrence.off}


def lacks(passed: Sequence[PassedOver]) -> str:
    """What each of these issues lacks, one sentence each."""
    return " ".join(f"“{one.issue.title}” {one.blocker.lack}." for one in passed)


def _entry(forecast: Calendar, at: datetime) -> CalendarEntry | None:
    # A weekly slot occurs at most once within two days.
    entries = forecast.ahead(len(forecast.publication.slots))
    return next((entry for entry in entries if entry.at == at), None)


def _problem(entry: CalendarEntry) -> SlotProblem | None:
    when = formats.brief(entry.at, entry.time_zone)
    if entry.issue and entry.blocker:
        why = f"It is scheduled for this time, and would be held then. {entry.blocker.why}."
        return SlotProblem(f"{when}: “{entry.issue.title}” {entry.blocker.lack}", why, f"{_mend(entry.blocker.lack)}.")
    if entry.passed:
        return _passed_over(when, entry)
    if entry.issue:
        return None
    remedy = "Put a ready issue into the queue, schedule one for this time, or make it a week off."
    return SlotProblem(f"{when} has no issue yet", "Nothing is scheduled for it, and the queue is empty.", remedy)


def _digest_problem(entry: CalendarEntry) -> SlotProblem | None:
    digest, blocker = (entry.digest.digest, entry.digest.blocker) if entry.digest else (None, None)
    if digest is None or blocker is None:
        return None
    why = f"It would not go to the readers who get one email a month. {blocker.why}."
    headline = f"{formats.brief(entry.at, entry.time_zone)}: the digest “{digest.title}” {blocker.lack}"
    return SlotProblem(headline, why, f"{_mend(blocker.lack)}.")


def _passed_over(when: str, entry: CalendarEntry) -> SlotProblem:
    """The problem of an issue that comes first but cannot go out, whether or not another one replaces it."""
    first, *others = entry.passed
    why = f"It comes first in the queue, but {first.blocker.lack}."
    if others:
        why = f"{why} Behind it: {lacks(others)}"
    then = (
        f"If this does not change, “{entry.issue.title}” goes out instead."
        if entry.issue
        else "If this does not change, nothing goes out."
    )
    mend = f"{_mend(first.blocker.lack)}; or move another one to the front of the queue."
    details = f"\n\n{first.blocker.why}" if first.blocker.lack not in _MEND else ""
    return SlotProblem(f"{when}: “{first.issue.title}” {first.blocker.lack}", f"{why} {then}{details}", mend)


def _mend(lack: str) -> str:
    return _MEND.get(lack, "Open the issue and fix it")
