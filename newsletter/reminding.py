"""Reminding: two days and two hours before a slot its editors hear what is wrong with it, and when its hour is lost.

At either moment a slot is looked at once, by one worker. What is well then is not looked at again, so an editor who
takes an issue back for a moment hears nothing; and what was mended is not mentioned any more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from sqlalchemy.orm import Session

from newsletter import editors, printing, publications
from newsletter.audience.practice import Practice
from newsletter.delivery import arming, outbox
from newsletter.editorial import agenda, cadence, queue, rhythm, shelf, slot_marks
from newsletter.editorial.agenda import Entry
from newsletter.editorial.models import Issue, Mark
from newsletter.editors import Role
from newsletter.links import Links
from newsletter.publications import Publication

KIND = "slot_warning"
_WHO = {Role.OWNER, Role.EDITOR}
_AHEAD = {Mark.TWO_DAYS: timedelta(days=2), Mark.TWO_HOURS: timedelta(hours=2)}


@dataclass(frozen=True, slots=True)
class Glance:
    """A slot that is to be looked at now."""

    publication_id: int
    at: datetime
    kind: Mark


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a slot would not be filled as it was meant, or was not, in words for its editors."""

    headline: str
    why: str
    remedy: str


def due(session: Session, now: datetime) -> list[Glance]:
    """The slots to look at, soonest first; none while this database may not send."""
    armed_at = arming.look(session).armed_at
    if armed_at is None:
        return []
    every = session.scalars(publications.every()).all()
    found = [glance for publication in every for glance in _glances(publication, armed_at, now)]
    return [one for one in found if not slot_marks.is_set(session, one.publication_id, one.at, one.kind)]


def look(session: Session, practice: Practice, glance: Glance, now: datetime) -> Trouble | None:
    """Look at a slot, and write to the editors if it is in trouble; None as well if somebody else has looked."""
    if not slot_marks.put(session, glance.publication_id, glance.at, glance.kind):
        return None
    publication = session.get_one(Publication, glance.publication_id)
    entry = _entry(session, publication, glance.at, now)
    trouble = _trouble(session, practice.links, entry, publication) if entry else None
    if entry and trouble:
        tell(session, practice, publication, cadence.describe(entry.at, entry.time_zone), trouble, now)
    return trouble


def tell(
    session: Session, practice: Practice, publication: Publication, slot: str, trouble: Trouble, now: datetime
) -> None:
    """Write to every owner and editor."""
    fields = {"headline": trouble.headline, "slot": slot, "why": trouble.why, "remedy": trouble.remedy}
    fields["calendar_url"] = practice.links.desk("calendar")
    for editor in session.scalars(editors.team()):
        if editor.role in _WHO:
            composed = practice.compose(KIND, publication, {"name": "", "email": editor.email, **fields})
            outbox.post(session, publication, KIND, editor.email, "", composed, now)


def _glances(publication: Publication, armed_at: datetime, now: datetime) -> Iterator[Glance]:
    far, near = _AHEAD[Mark.TWO_DAYS], _AHEAD[Mark.TWO_HOURS]
    soon = takewhile(lambda occasion: occasion.at <= now + far, rhythm.occasions(publication, now))
    for occasion in (one for one in soon if not one.off):
        kind = Mark.TWO_HOURS if occasion.at <= now + near else Mark.TWO_DAYS
        # A slot that was made after that moment, or a database that was armed after it, is not late with it.
        if occasion.at - _AHEAD[kind] > max(occasion.slot.since, armed_at):
            yield Glance(publication.id, occasion.at, kind)


def _entry(session: Session, publication: Publication, at: datetime, now: datetime) -> Entry | None:
    # Within two days no slot comes twice.
    entries = agenda.ahead(session, publication, now, len(publication.slots))
    return next((entry for entry in entries if entry.at == at and entry.is_slot), None)


def _trouble(session: Session, links: Links, entry: Entry, publication: Publication) -> Trouble | None:
    if entry.issue and not entry.is_queued:
        return None
    when = cadence.brief(entry.at, entry.time_zone)
    waiting = session.scalars(queue.listing(publication.id)).all()
    if not entry.issue:
        return _nothing_for_it(when, waiting)
    if why := printing.hindrance(entry.issue, links):
        return _not_ready(when, entry.issue, f"It comes from the queue, but {why}")
    ahead = [issue for issue in waiting[: waiting.index(entry.issue)] if not queue.is_ready(issue)]
    if ahead:
        instead = f"If it stays so, “{entry.issue.title}” from behind it goes out instead."
        return _not_ready(when, ahead[0], f"It comes first in the queue, but is {_a(ahead[0])}. {instead}")
    return None


def _nothing_for_it(when: str, waiting: Sequence[Issue]) -> Trouble:
    if waiting:
        why = f"It comes first in the queue, but is {_a(waiting[0])}. Nothing goes out while no issue is ready."
        return _not_ready(when, waiting[0], why)
    remedy = "Put a ready issue into the queue, schedule one for this hour, or make it a week off."
    return Trouble(f"{when} has no issue yet", "Nothing is scheduled for it, and the queue is empty.", remedy)


def _not_ready(when: str, issue: Issue, why: str) -> Trouble:
    remedy = "Open the issue, mend it and mark it as ready; or move another one to the front of the queue."
    return Trouble(f"{when}: “{issue.title}” is not ready", why, remedy)


def _a(issue: Issue) -> str:
    return f"a {shelf.state(issue)}"
