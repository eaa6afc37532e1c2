"""The welcome series: issues that are out already, one every few days, for readers who have just confirmed.

A reader who is due gets the first issue of the series that they have not had, as the ledger tells. So a series may be
changed at any time, and nobody gets an issue twice, whether it came as a weekly issue or in the series. On a day on
which they get an issue, the series waits until the next day.

Each issue has a letter of its own for the series (`Letter.repeats_id`), frozen from the text that the archive shows;
when that text or the branding changes, the next readers get a new one. Copies and the readers' next times are written
in one transaction, so a kill leaves both or neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import delivery_hours, series_readers, subscribers
from newsletter.audience.models import Pace, Status, Subscription
from newsletter.db import Sessions
from newsletter.delivery import breaker
from newsletter.delivery.breaker import Trip
from newsletter.delivery.ledger import partitions, repeats
from newsletter.delivery.ledger.new_copies import Readers
from newsletter.delivery.models import UNDER_WAY, Copy, Letter, LetterState
from newsletter.delivery.reports import clicks
from newsletter.delivery.workers import send_permission
from newsletter.delivery.workers.context import WorkerContext, set_aside
from newsletter.editorial.issues import archive, issue_store
from newsletter.editorial.models import Issue
from newsletter.editorial.preflight import Finding
from newsletter.editorial.schedule import occurrences
from newsletter.publications import Publication
from newsletter.workflows import build_letter, calendar, halt_issue, prepare_issue
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.recipients import Recipients, not_by_digest

_GROUP = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """An issue of a series, as it would be sent now."""

    issue: Issue
    blocking: Sequence[Finding]
    """Why preflight stops it; such an issue is passed over until it is mended."""
    letter: Letter | None
    """The letter with its current text; None until a reader is due for it."""

    @property
    def open_letter(self) -> Letter | None:
        """The letter that copies can be added to now."""
        return None if self.blocking else self.letter


def steps(session: Session, letters: LetterSettings, publication: Publication) -> list[Step]:
    """The issues of a series in its order; those that are not out are left out."""
    slugs = publication.series_issues
    found = session.scalars(archive.published(publication.id).where(Issue.slug.in_(slugs)))
    return [_step(session, letters, issue) for issue in sorted(found, key=lambda issue: slugs.index(issue.slug))]


def send_due(sessions: Sessions, letters: LetterSettings, context: WorkerContext) -> None:
    """Give every reader who is due their next copy, in groups; commits each. Safe with two workers."""
    with sessions.reading() as session:
        # Nothing is written, nor does anybody wait for the writer's turn, while an issue of today is waited for.
        due = [session.get_one(Publication, each) for each in series_readers.publications_due(session, context.clock())]
        ready = [publication.id for publication in due if not _awaits_issue(session, publication, context.clock())]
    for publication_id in ready:
        with set_aside("a welcome series", publication_id):
            make_letters(sessions, letters, publication_id, context.clock())
            while not context.is_stopping() and _send_next(sessions, letters, publication_id, context.clock()):
                pass


def make_letters(sessions: Sessions, letters: LetterSettings, publication_id: int, now: datetime) -> None:
    """Freeze a letter for each issue that has none with its current text. Commits by itself; safe with two workers."""
    # Rendered while reading, because on SQLite others could not write meanwhile.
    with sessions.reading() as session:
        current = steps(session, letters, session.get_one(Publication, publication_id))
        stale = [step.issue.letter_id for step in current if not step.blocking and not step.letter]
    if not stale:
        return
    with sessions.begin() as session:
        # Locked in one order, before the ledger is, so that two workers make one letter, and none waits for ever.
        session.execute(select(Letter.id).where(Letter.id.in_(stale)).order_by(Letter.id).with_for_update())
        for step in steps(session, letters, session.get_one(Publication, publication_id)):
            if not step.blocking and not step.letter:
                _make_letter(session, letters, step.issue, now)


def send_group(session: Session, letters: LetterSettings, publication_id: int, now: datetime) -> bool:
    """Give a group of readers who are due their next copies; whether there were any. Safe with two workers."""
    publication = session.get_one(Publication, publication_id)
    if not publication.series_on or _awaits_issue(session, publication, now):
        return False
    # From here on an unsubscription waits; it then finds the new copy, and marks it as skipped.
    publications.block_unsubscribes(session, publication_id)
    due = series_readers.lock_due(session, publication_id, now, _GROUP)
    if not due:
        return False
    busy = repeats.with_issue_since(session, publication_id, due, _midnight(publication, now))
    current = steps(session, letters, publication)
    rest = _add_next_copies(session, publication, current, set(due) - busy, now)
    waiting = _waiting(session, current, rest, now)
    series_readers.set_due(session, busy | waiting, series_readers.next_time(publication, now, 1))
    series_readers.leave(session, rest - waiting)
    return True


def stopped(session: Session, publication: Publication) -> list[Trip]:
    """The breakers that hold copies of the series back, until a person resumes."""
    return [trip for letter in _under_way(session, publication) for trip in breaker.open_trips(session, letter.id)]


def resume(session: Session, publication: Publication, now: datetime) -> bool:
    """Go on with the copies of the series that a breaker holds back; whether there were any."""
    resumed = [halt_issue.resume_letter(session, letter, now) for letter in _under_way(session, publication)]
    return any(resumed)


def _under_way(session: Session, publication: Publication) -> Sequence[Letter]:
    ours = select(Letter).where(Letter.publication_id == publication.id, Letter.repeats_id.is_not(None))
    return session.scalars(ours.where(Letter.state.in_(UNDER_WAY)).order_by(Letter.id)).all()


def _send_next(sessions: Sessions, letters: LetterSettings, publication_id: int, now: datetime) -> bool:
    with sessions.in_turn() as session:
        return send_group(session, letters, publication_id, now)


def _step(session: Session, letters: LetterSettings, issue: Issue) -> Step:
    content_hash, blocking = prepare_issue.judge(issue, letters.links)
    same = select(Letter).filter_by(
        repeats_id=issue.letter_id, content_hash=content_hash, **build_letter.headers_of(issue, letters)
    )
    usable = same.where(Letter.state != LetterState.CANCELLED, Letter.final_counts.is_(None))
    return Step(issue, blocking, session.scalar(usable.order_by(Letter.id.desc()).limit(1)))


def _make_letter(session: Session, letters: LetterSettings, issue: Issue, now: datetime) -> None:
    prepared = prepare_issue.prepare(issue, letters.links)
    letter = build_letter.new_letter(issue, prepared.mail, letters, now, "series")
    letter.repeats_id, letter.state = issue.letter_id, LetterState.FINISHED
    letter.topics = build_letter.topics_among(issue, prepared.source)
    letter.started_at = letter.finished_at = now
    session.add(letter)
    session.flush()
    if issue.publication.counts_clicks:
        clicks.track_links(session, letter, letters.links)
    with partitions.writing(session, letter.id):
        log.info("letter made for the welcome series", letter=letter.id, issue=issue.id)


def _add_next_copies(
    session: Session, publication: Publication, current: Sequence[Step], subscription_ids: set[int], now: datetime
) -> set[int]:
    """Add a copy of the first issue that each of these readers has not had; those who have had all, or get no mail."""
    starts = delivery_hours.hour_starts(session, publication, now, now)
    wished_at = delivery_hours.wished_at(session.connection().dialect, starts) if starts else None
    later = series_readers.next_time(publication, now, publication.series_days)
    rest = set(subscription_ids)
    for step in current:
        if letter := step.open_letter:
            readers = _readers_without(session, step.issue, rest, now)
            sent = repeats.add_copies(session, letter.id, readers, now, wished_at)
            series_readers.set_due(session, sent, later)
            rest -= set(sent)
    return rest


def _awaits_issue(session: Session, publication: Publication, now: datetime) -> bool:
    """Whether an issue may still start today: one is scheduled, or a weekly slot is to come or to be filled."""
    midnight, end = _midnight(publication, now), _midnight(publication, now, 1)
    scheduled = select(Letter.id).where(Letter.publication_id == publication.id, Letter.state == LetterState.WAITING)
    if session.scalar(scheduled.where(Letter.due_at < end).limit(1)) is not None:
        return True
    if any(slot.at < end for slot in occurrences.counting_between(publication, now, end)):
        return True
    armed_at = send_permission.read_permission(session).armed_at or midnight
    return bool(calendar.unhandled_slots(session, publication, max(midnight, armed_at), now))


def _readers_without(session: Session, issue: Issue, subscription_ids: set[int], now: datetime) -> Readers:
    """Those of these readers who may get mail, want its topics, and have no copy of it, whatever became of one."""
    original = issue.letter
    ids = repeats.with_repeats(session, original.id) if original else []
    has_one = exists().where(Copy.letter_id.in_(ids), Copy.subscription_id == Subscription.id)
    conditions = [Subscription.id.in_(subscription_ids), ~has_one]
    if original is not None:
        conditions += not_by_digest(session, issue.publication, original.id)
    if original is not None and original.final_counts is not None:
        # The ledger no longer says who got it; whoever read us then may have.
        since = func.coalesce(Subscription.confirmed_at, Subscription.created_at)
        conditions.append(since > original.started_at)
    about = build_letter.topics_among(issue, issue_store.parse_revision(issue, issue.revision))
    wanting = Recipients(issue.publication, topics=tuple(about), pace=Pace.EACH).conditions(session, now)
    return subscribers.active_recipients(issue.publication_id, *conditions, *wanting)


def _waiting(session: Session, current: Sequence[Step], subscription_ids: set[int], now: datetime) -> set[int]:
    """Those of these readers who are asked again tomorrow: on a break, or due for an issue that cannot go out now."""
    paused = select(Subscription.id).where(Subscription.id.in_(subscription_ids), Subscription.status == Status.PAUSED)
    stopped = [_readers_without(session, step.issue, subscription_ids, now) for step in current if not step.open_letter]
    return {subscription_id for rows in (paused, *stopped) for subscription_id in session.scalars(rows)}


def _midnight(publication: Publication, now: datetime, days: int = 0) -> datetime:
    clocks = ZoneInfo(publication.time_zone)
    day = now.astimezone(clocks).date() + timedelta(days=days)
    return datetime.combine(day, time(), clocks).astimezone(UTC)
