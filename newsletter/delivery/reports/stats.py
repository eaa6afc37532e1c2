"""Statistics of a letter's copies: in all, minute by minute and domain by domain.

While a letter goes out they are counted anew each time. Once it is over and no copy is under way they can no longer
change, so they are stored, and stay when its copies are deleted. Only bounces and complaints, which may come in later,
are always counted anew.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import JSON, ForeignKey, Select, String, cast, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base, Sessions, insert, is_postgresql
from newsletter.delivery.models import OVER, Copy, CopyState, Counts, Letter, Note
from newsletter.delivery.reports import progress
from newsletter.delivery.reports.progress import CopyRange

LARGEST = 20
"""The number of domains that are listed; the others are summed up."""

_OUTCOMES = (CopyState.SENT, CopyState.REFUSED, CopyState.FAILED, CopyState.SKIPPED, CopyState.IN_DOUBT)
_MINUTE_ON_SQLITE = func.substr(cast(Copy.ended_at, String()), 1, 16, type_=String())
_MINUTE_ON_POSTGRESQL = func.to_char(func.timezone("UTC", Copy.ended_at), "YYYY-MM-DD HH24:MI", type_=String())
_STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 10_080))
_MOST_SPANS = 120
_NOBODY = Counts(*[0] * 10)


class KeptStats(Base):
    """The final statistics of a letter that is over; its table is `accounts`."""

    __tablename__ = "accounts"

    letter_id: Mapped[int] = mapped_column(ForeignKey("letters.id"), primary_key=True)
    settled_at: Mapped[datetime]
    """The letter's `finished_at` then: a letter that ran again gets new statistics."""
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)


class DomainStats(NamedTuple):
    """The counts of the copies to one domain."""

    domain: str
    audience: int
    sent: int
    refused: int
    failed: int
    skipped: int
    in_doubt: int

    @property
    def waiting(self) -> int:
        """How many have no outcome yet."""
        return self.audience - self.sent - self.refused - self.failed - self.skipped - self.in_doubt


_NONE = DomainStats("", *[0] * 6)


class TimeBucket(NamedTuple):
    """How many copies were sent within a stretch of time that begins at `at`."""

    at: datetime
    sent: int


@dataclass(frozen=True, slots=True)
class LetterStats:
    """The statistics of a letter's copies."""

    counts: Counts
    bucket: timedelta
    """The length of each bucket in `spans`."""
    spans: Sequence[TimeBucket] = ()
    domains: Sequence[DomainStats] = ()
    """The largest domains, largest first."""
    others: DomainStats | None = None
    """All other domains together."""
    other_domains: int = 0
    is_whole: bool = True
    """Whether more than the counts is known; false if copies were deleted before statistics were stored."""


class _Figures(NamedTuple):
    """What is computed from the copies, without later bounces and complaints."""

    counts: Counts
    extent: CopyRange
    minutes: list[tuple[int, int]]
    """Each minute since 1970 in which copies were sent, and how many."""
    domains: list[DomainStats]
    others: DomainStats
    other_domains: int


def copy_counts(session: Session, letter: Letter | None) -> Counts:
    """The counts of a letter's copies; immediate once it is over, all zero before it began."""
    if letter is None or letter.started_at is None:
        return _NOBODY
    if letter.final_counts is not None:
        return Counts(**letter.final_counts)
    stored = _stored(session, letter)
    if stored is not None:
        return _with_notes(stored.counts, progress.later_notes(session, letter.id, stored.extent))
    whole = progress.copy_range(session, letter.id)
    return progress.letter_progress(
        session, letter.id, whole.audience, progress.later_notes(session, letter.id, whole)
    ).counts


def letter_stats(session: Session, letter: Letter) -> LetterStats:
    """All statistics of a letter; while it is not over they are counted from its copies."""
    stored = _stored(session, letter)
    if letter.final_counts is not None:
        final = Counts(**letter.final_counts)
        return _letter_stats(stored._replace(counts=final)) if stored else LetterStats(final, _STEPS[0], is_whole=False)
    figures = stored or _worked_out(session, letter.id)
    notes = progress.later_notes(session, letter.id, figures.extent)
    return _letter_stats(figures._replace(counts=_with_notes(figures.counts, notes)))


def letter_range(session: Session, letter: Letter) -> CopyRange:
    """The number and ids of a letter's copies; immediate once it is over."""
    stored = _stored(session, letter)
    return stored.extent if stored else progress.copy_range(session, letter.id)


def store_next(sessions: Sessions) -> bool:
    """Store the statistics of one letter that is over and has none; whether there was one. Commits by itself."""
    with sessions.reading() as session:
        letters = without_stats(session, select(Letter.id))
        due = next((each for each in letters if not progress.is_under_way(session, each)), None)
    if due is not None:
        store_stats(sessions, due)
    return due is not None


def store_stats(sessions: Sessions, letter_id: int) -> None:
    """Store a letter's statistics if it is over and no copy of it is under way. Commits by itself."""
    # Computed in a reading session, because on SQLite a writing one would block all other writers.
    with sessions.reading() as session:
        settled_at = _settled_at(session, letter_id)
        figures = _worked_out(session, letter_id) if settled_at else None
    if figures is not None:
        with sessions.begin() as session:
            if _settled_at(session, letter_id) == settled_at:
                _store(session, letter_id, settled_at, figures)


def _store(session: Session, letter_id: int, settled_at: datetime | None, figures: _Figures) -> None:
    values = {
        "letter_id": letter_id,
        "settled_at": settled_at,
        "figures": figures._asdict() | {"counts": asdict(figures.counts)},
    }
    stored = insert(session, KeptStats).values(values)
    session.execute(
        stored.on_conflict_do_update(
            index_elements=["letter_id"],
            set_={"settled_at": stored.excluded.settled_at, "figures": stored.excluded.figures},
        )
    )


def without_stats(session: Session, letters: Select[int]) -> Sequence[int]:
    """Those of these letters that are over and have no stored statistics, the one that ended first comes first."""
    stored = select(KeptStats.letter_id).where(
        KeptStats.letter_id == Letter.id, KeptStats.settled_at == Letter.finished_at
    )
    over = letters.where(Letter.state.in_(OVER), Letter.started_at.is_not(None), Letter.final_counts.is_(None))
    return session.scalars(over.where(~stored.exists()).order_by(Letter.finished_at)).all()


def _settled_at(session: Session, letter_id: int) -> datetime | None:
    """Since when a letter can no longer change; None while it can."""
    over = select(Letter.finished_at).where(Letter.id == letter_id, Letter.state.in_(OVER))
    since = session.scalar(over.where(Letter.started_at.is_not(None)))
    return since if since and not progress.is_under_way(session, letter_id) else None


def _stored(session: Session, letter: Letter) -> _Figures | None:
    if letter.finished_at is None:
        return None
    mine = select(KeptStats.figures).where(KeptStats.letter_id == letter.id)
    found = session.scalar(mine.where(KeptStats.settled_at == letter.finished_at))
    return _from_json(found) if found else None


def _worked_out(session: Session, letter_id: int) -> _Figures:
    whole = progress.copy_range(session, letter_id)
    shares = [DomainStats._make(row) for row in session.execute(_by_domain(session, letter_id))]
    rest = shares[LARGEST:]
    return _Figures(
        progress.letter_progress(session, letter_id, whole.audience).counts,
        whole,
        sorted(
            (_minutes_since_1970(minute), count) for minute, count in session.execute(_by_minute(session, letter_id))
        ),
        shares[:LARGEST],
        _summed(rest),
        len(rest),
    )


def _by_domain(session: Session, letter_id: int) -> Select[str, *tuple[int, ...]]:
    domain = progress.domain_of(session)
    outcomes = [func.count().filter(Copy.state == state) for state in _OUTCOMES]
    grouped = select(domain, func.count(), *outcomes).where(Copy.letter_id == letter_id).group_by(domain)
    return grouped.order_by(func.count().desc(), domain)


def _by_minute(session: Session, letter_id: int) -> Select[str, int]:
    minute = _MINUTE_ON_POSTGRESQL if is_postgresql(session) else _MINUTE_ON_SQLITE
    sent = select(minute, func.count()).where(Copy.letter_id == letter_id, Copy.state == CopyState.SENT)
    return sent.where(Copy.ended_at.is_not(None)).group_by(minute)


def _minutes_since_1970(written: str) -> int:
    return int(datetime.strptime(written, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()) // 60


def _summed(shares: Sequence[DomainStats]) -> DomainStats:
    return (
        DomainStats("", *(sum(column) for column in zip(*(share[1:] for share in shares), strict=True)))
        if shares
        else _NONE
    )


def _with_notes(found: Counts, notes: Mapping[Note, int]) -> Counts:
    return replace(found, bounced=notes.get(Note.BOUNCED, 0), complained=notes.get(Note.COMPLAINED, 0))


def _letter_stats(figures: _Figures) -> LetterStats:
    bucket, spans = _spans(figures.minutes)
    others = figures.others if figures.other_domains else None
    return LetterStats(figures.counts, bucket, spans, figures.domains, others, figures.other_domains)


def _spans(minutes: Sequence[tuple[int, int]]) -> tuple[timedelta, list[TimeBucket]]:
    """The minutes summed up in buckets of one length, empty ones included, as many as a chart can show."""
    if not minutes:
        return _STEPS[0], []
    first, last = minutes[0][0], minutes[-1][0]
    length = next((step for step in _STEPS if (last - first) * 60 < _MOST_SPANS * step.total_seconds()), _STEPS[-1])
    step = int(length.total_seconds()) // 60
    sent: Counter[int] = Counter()
    for minute, count in minutes:
        sent[minute // step] += count
    places = range(first // step, last // step + 1)
    return length, [TimeBucket(datetime.fromtimestamp(place * step * 60, UTC), sent[place]) for place in places]


def _from_json(stored: dict[str, Any]) -> _Figures:
    return _Figures(
        Counts(**stored["counts"]),
        CopyRange(*stored["extent"]),
        [(minute, count) for minute, count in stored["minutes"]],
        [DomainStats(*share) for share in stored["domains"]],
        DomainStats(*stored["others"]),
        stored["other_domains"],
    )
