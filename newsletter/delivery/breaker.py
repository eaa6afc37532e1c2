"""Circuit breaker: stops a letter, or one provider's share of it, when servers refuse us and not the readers.

    refused for what we are or send ── a strike      taken ── what its provider held against us is forgotten
    five strikes in a row ── open: the letter pauses, or the copies to that provider are held
    a person goes on ── closed

"In a row" is: nothing of the letter was taken between, or, for one provider, nothing that went there. Strikes and
what is open are rows beside the ledger, written with the results themselves, so a kill forgets none and all workers
count together. What was refused by these strikes waits again, as if it had never been tried.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

import structlog
from sqlalchemy import (
    Connection,
    ForeignKey,
    Select,
    String,
    Table,
    Text,
    and_,
    case,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.addresses import provider_groups
from newsletter.addresses.masking import mask_in_text
from newsletter.addresses.provider_groups import ProviderGroups
from newsletter.db import UNSYNCED, Base, LongId, LongRef, partial_index
from newsletter.delivery.ledger.outcomes import ABOUT_US, HeldCopy, Outcome
from newsletter.delivery.models import OVER, PENDING, Copy, CopyState, Letter, LetterState
from newsletter.delivery.smtp import refusals

STRIKES = 5
HELD = datetime(9000, 1, 1, tzinfo=UTC)
"""The `not_before` of a copy that is held: no clock lets it go, only a person."""
WHOLE = ""
"""In place of a provider: the letter as a whole."""

REMEDY = (
    "Read what the server said, and have the mail server, the DNS records or the text fixed. "
    "Then resume: those who wait get it, and if it is refused again it stops again."
)

COMPLAINED = "Complaints:"
"""What the reply of a breaker begins with that readers opened, and no server."""
_COMPLAINED_REMEDY = (
    "Find out why: an old list, readers who never asked for it or have forgotten that they did, a promise that "
    "was not kept. Then resume, or stop the issue."
)

# Fewer may share one company's policy; more have only us in common.
_DOMAINS = 3
_PORTION = 5_000
_LOOK = 2.0
# Yahoo's own advice for deferrals that it gives for volume or complaints.
_HOURS = timedelta(hours=4)

log = structlog.get_logger(__name__)


class Trip(Base):
    """A breaker that opened: for a whole letter, or for one provider's part of it."""

    __tablename__ = "breakers"
    __table_args__ = (
        # Two workers that count to five at once open it once.
        partial_index("uq_breakers_open", "letter_id", "lane", unique=True, where="closed_at IS NULL"),
    )

    id: Mapped[LongId]
    letter_id: Mapped[int] = mapped_column(ForeignKey("letters.id"))
    group: Mapped[str] = mapped_column("lane", String(253))
    """The provider group, or WHOLE."""
    opened_at: Mapped[datetime]
    code: Mapped[int]
    """The code of the server's last reply; its text is in `reply`."""
    reply: Mapped[str] = mapped_column(Text)
    copies: Mapped[int]
    """How many refused copies were put back to pending."""
    told_at: Mapped[datetime | None]
    """When the editors were mailed about it."""
    closed_at: Mapped[datetime | None]
    resumes_at: Mapped[datetime | None]
    """When it closes by itself; None if only a person closes it."""

    @property
    def provider(self) -> str:
        """The provider's display name."""
        return provider_groups.display_name(self.group)

    @property
    def server_reply(self) -> str:
        """The server's last reply: its code and text."""
        return f"{self.code} {self.reply}".strip()

    @property
    def message(self) -> str:
        """Who said what, in a sentence."""
        return self.reply if self.is_of_complaints else f"The server said: {self.server_reply}"

    @property
    def is_of_complaints(self) -> bool:
        """Whether readers opened it by their complaints, and no server by its replies."""
        return self.code == 0 and self.reply.startswith(COMPLAINED)

    @property
    def remedy(self) -> str:
        """What to do before going on."""
        return _COMPLAINED_REMEDY if self.is_of_complaints else REMEDY

    @property
    def is_alarm(self) -> bool:
        """Whether it never stopped anything, and is only for the editors to know."""
        return self.closed_at == self.opened_at

    @property
    def explanation(self) -> str:
        """What happened, in two sentences for editors."""
        if self.group == WHOLE:
            return (
                f"Mail servers refused it {STRIKES} times in a row because of the sender or the message, not the "
                "readers. No reader has lost it: those copies wait again with the rest."
            )
        why = f"{self.provider} refuses it because of the sender or the message, not the readers."
        if self.is_of_complaints:
            why = f"Too many of its readers at {self.provider} report it as spam, which spoils our standing there."
        return f"{why} " + (
            "Nothing is stopped."
            if self.is_alarm
            else "Its readers’ copies wait for some hours; all the others go on."
            if self.resumes_at
            else "Its readers’ copies wait; all the others go on."
        )


class Strike(Base):
    """A copy that was refused because of us, since when its provider has accepted none of the letter."""

    __tablename__ = "strikes"

    copy_id: Mapped[LongRef] = mapped_column(primary_key=True, autoincrement=False)
    letter_id: Mapped[int] = mapped_column(ForeignKey("letters.id"), index=True)
    group: Mapped[str] = mapped_column("lane", String(253))
    domain: Mapped[str] = mapped_column(String(253))
    in_a_row: Mapped[bool]
    """Whether no provider has accepted a copy of the letter since."""


_COPIES = cast("Table", Copy.__table__)
_STRIKES = cast("Table", Strike.__table__)
_TRIPS = cast("Table", Trip.__table__)
_OPEN = _TRIPS.c.closed_at.is_(None)


class _Counted(NamedTuple):
    copy_id: int
    group: str
    domain: str
    in_a_row: bool


@dataclass
class _Streak:
    """Running totals over one batch of a letter's outcomes."""

    strikes: dict[int, _Counted] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    """The provider groups that accepted a copy."""
    at_mail: int = 0
    """How often the sender itself was refused since a copy was accepted."""
    refuses_all: set[str] = field(default_factory=set)
    """The providers that said what they say to all mail of ours."""
    last: Outcome | None = None
    """The last refusal because of us."""


class Breaker:
    """One worker's view of the breakers: counts refusals that are because of us, and holds copies back."""

    def __init__(self, providers: ProviderGroups) -> None:
        self._groups = providers
        self._at_mail: Counter[int] = Counter()
        """For each letter, how often the sender itself was refused in a row."""
        self._struck: set[int] = set()
        """The letters that have strikes, as far as this worker knows."""
        self._held: set[tuple[int, str]] = set()
        self._refreshed_at = float("-inf")

    def holds(self, copy: HeldCopy) -> bool:
        """Whether a copy waits because the breaker of its letter or of its provider group is open."""
        if not self._held:
            return False
        return not self._held.isdisjoint(
            {(copy.letter_id, WHOLE), (copy.letter_id, self._groups.of_address(copy.address))}
        )

    def refresh(self, connection: Connection) -> None:
        """Read from the database which breakers are open and which letters have strikes."""
        self._held = {(letter_id, group) for letter_id, group in connection.execute(_held_groups())}
        self._struck = set(connection.scalars(select(_STRIKES.c.letter_id).distinct()))
        self._refreshed_at = time.monotonic()

    def observe(self, connection: Connection, outcomes: Sequence[Outcome], now: datetime) -> Callable[[], None]:
        """Count outcomes that this transaction records, and open each breaker that reaches its limit.

        Call what it returns once that is committed; if it is undone, observe the same outcomes in the next one.
        """
        if time.monotonic() - self._refreshed_at > _LOOK:
            self.refresh(connection)
        at_mail = self._at_mail.copy()
        known = self._struck | {letter_id for letter_id, count in at_mail.items() if count}
        for letter_id in sorted({o.copy.letter_id for o in outcomes if o.about_us or o.copy.letter_id in known}):
            streak = self._streak((one for one in outcomes if one.copy.letter_id == letter_id), at_mail[letter_id])
            self._apply(connection, letter_id, streak, now)
            at_mail[letter_id] = streak.at_mail

        def keep() -> None:
            self._at_mail = at_mail

        return keep

    def _streak(self, outcomes: Iterable[Outcome], at_mail: int) -> _Streak:
        streak = _Streak(at_mail=at_mail)
        for outcome in outcomes:
            group = self._groups.of_address(outcome.copy.address)
            if outcome.state is CopyState.SENT:
                streak.at_mail = 0
                streak.taken.add(group)
                streak.strikes = {
                    one.copy_id: one._replace(in_a_row=False) for one in streak.strikes.values() if one.group != group
                }
            elif outcome.about_us:
                streak.last = outcome
                # For a group of many domains one such answer is enough; a single domain's may be that company's policy.
                if "." not in group and refusals.applies_to_all(outcome.status, outcome.reply or ""):
                    streak.refuses_all.add(group)
                if outcome.goes_back and outcome.not_before is None:
                    streak.at_mail += 1
                else:
                    domain = outcome.copy.address.rpartition("@")[2].lower()
                    streak.strikes[outcome.copy.id] = _Counted(outcome.copy.id, group, domain, in_a_row=True)
        return streak

    def _apply(self, connection: Connection, letter_id: int, streak: _Streak, now: datetime) -> None:
        if streak.taken:
            theirs = _STRIKES.c.letter_id == letter_id
            connection.execute(delete(_STRIKES).where(theirs, _STRIKES.c.lane.in_(streak.taken)))
            connection.execute(update(_STRIKES).where(theirs, _STRIKES.c.in_a_row).values(in_a_row=False))
        if streak.strikes:
            _remember(connection, letter_id, streak.strikes.values())
            self._struck.add(letter_id)
        if streak.last:
            self._decide(connection, letter_id, streak, streak.last, now)

    def _decide(self, connection: Connection, letter_id: int, streak: _Streak, last: Outcome, now: datetime) -> None:
        # Workers decide one at a time, so that each sees the breakers that another has opened.
        connection.execute(select(Letter.id).where(Letter.id == letter_id).with_for_update())
        is_open = set(connection.scalars(select(_TRIPS.c.lane).where(_TRIPS.c.letter_id == letter_id, _OPEN)))
        # Copies that were under way when the breaker opened go back like the others.
        late = [one.copy_id for one in streak.strikes.values() if WHOLE in is_open or one.group in is_open]
        _take_back(connection, letter_id, late, now)
        counted = [_Counted._make(row) for row in connection.execute(_counted(letter_id))]
        due = set(_too_many(counted, streak.at_mail))
        for group in (due if WHOLE in due else due | streak.refuses_all) - is_open:
            theirs = [one.copy_id for one in counted if (one.in_a_row if group == WHOLE else one.group == group)]
            self._open(connection, letter_id, group, last, _take_back(connection, letter_id, theirs, now), now)
            streak.at_mail = 0

    def _open(
        self, connection: Connection, letter_id: int, group: str, last: Outcome, back: int, now: datetime
    ) -> None:
        reply = mask_in_text(last.copy.address, last.reply or "")
        opening = {"code": last.code or 0, "reply": reply, "copies": back, "resumes_at": resumption(reply, now)}
        connection.execute(insert(_TRIPS).values(letter_id=letter_id, lane=group, opened_at=now, **opening))
        if group == WHOLE:
            pause = update(Letter).where(Letter.id == letter_id, Letter.state == LetterState.RUNNING)
            connection.execute(pause.values(state=LetterState.PAUSED))
        self._held.add((letter_id, group))
        log.warning("servers refuse the sender; stopped", letter=letter_id, lane=group or "all", code=last.code)


def _too_many(counted: Sequence[_Counted], at_mail: int) -> list[str]:
    """The breakers to open: WHOLE, or some provider groups."""
    in_a_row = [one for one in counted if one.in_a_row]
    domains, providers = {one.domain for one in in_a_row}, {one.group for one in in_a_row}
    if at_mail >= STRIKES or (len(in_a_row) >= STRIKES and len(domains) >= _DOMAINS and len(providers) > 1):
        return [WHOLE]
    return [group for group, count in Counter(one.group for one in counted).items() if count >= STRIKES]


def resumption(reply: str, now: datetime) -> datetime | None:
    """When to go on by itself after such an answer; None if a person has to mend something first."""
    return now + _HOURS if refusals.passes_by_itself(reply) else None


def open_trips(session: Session, letter_id: int) -> Sequence[Trip]:
    """The open breakers of a letter, oldest first."""
    return session.scalars(select(Trip).where(Trip.letter_id == letter_id, _OPEN).order_by(Trip.id)).all()


def close(session: Session, letter_id: int, now: datetime) -> bool:
    """Close all breakers of a letter and reset its count; whether one was open. `release_held` lets the copies go."""
    session.execute(delete(Strike).where(Strike.letter_id == letter_id), execution_options=UNSYNCED)
    opened = update(Trip).where(Trip.letter_id == letter_id, _OPEN).values(closed_at=now)
    closed = session.scalars(opened.returning(Trip.id), execution_options=UNSYNCED).all()
    return bool(closed)


def release_held(session: Session, now: datetime) -> int:
    """Release a portion of the copies whose breaker has been closed; how many, 0 when none is left."""
    over = select(Letter.id).where(Letter.state.in_(OVER))
    session.execute(delete(Strike).where(Strike.letter_id.in_(over)), execution_options=UNSYNCED)
    due = update(Trip).where(_OPEN, Trip.resumes_at <= now).values(closed_at=now)
    session.execute(due, execution_options=UNSYNCED)
    stopped = select(Trip.letter_id).where(_OPEN)
    running = select(Letter.id).where(Letter.state == LetterState.RUNNING, Letter.id.not_in(stopped))
    return next(
        filter(None, (release_letter(session, letter_id, now) for letter_id in session.scalars(running).all())), 0
    )


def release_letter(session: Session, letter_id: int, now: datetime) -> int:
    """Release a portion of one letter's held copies; how many."""
    waiting = select(Copy.id).where(Copy.letter_id == letter_id, PENDING, Copy.not_before >= HELD).limit(_PORTION)
    back = update(_COPIES).where(_COPIES.c.letter_id == letter_id, _COPIES.c.id.in_(waiting), PENDING)
    return session.connection().execute(back.values(not_before=now)).rowcount


def unreported(session: Session) -> Sequence[int]:
    """The ids of breakers that opened and that editors have had no mail about."""
    return session.scalars(select(Trip.id).where(Trip.told_at.is_(None)).order_by(Trip.id)).all()


def claim_report(session: Session, trip_id: int, now: datetime) -> Trip | None:
    """Claim a breaker, to mail the editors about it; None if another worker has claimed it."""
    mine = update(Trip).where(Trip.id == trip_id, Trip.told_at.is_(None)).values(told_at=now).returning(Trip.id)
    found = session.scalar(mine, execution_options=UNSYNCED)
    return session.get(Trip, trip_id, populate_existing=True) if found else None


def _held_groups() -> Select[Any, Any]:
    running = select(Letter.id).where(Letter.state == LetterState.RUNNING)
    return select(_TRIPS.c.letter_id, _TRIPS.c.lane).where(
        _OPEN, _TRIPS.c.lane != WHOLE, _TRIPS.c.letter_id.in_(running)
    )


def _counted(letter_id: int) -> Select[Any, Any, Any, Any]:
    columns = _STRIKES.c
    return select(columns.copy_id, columns.lane, columns.domain, columns.in_a_row).where(columns.letter_id == letter_id)


def _remember(connection: Connection, letter_id: int, strikes: Iterable[_Counted]) -> None:
    rows = [
        {
            "letter_id": letter_id,
            "copy_id": one.copy_id,
            "lane": one.group,
            "domain": one.domain,
            "in_a_row": one.in_a_row,
        }
        for one in strikes
    ]
    # A copy that is put off may be answered so again.
    connection.execute(delete(_STRIKES).where(_STRIKES.c.copy_id.in_([row["copy_id"] for row in rows])))
    connection.execute(insert(_STRIKES), rows)


def _take_back(connection: Connection, letter_id: int, ids: Sequence[int], now: datetime) -> int:
    """Put copies back to pending, as if not tried, unless their reader has left since; how many."""
    refused = and_(_COPIES.c.state == CopyState.REFUSED, _COPIES.c.reason == ABOUT_US)
    back = update(_COPIES).where(_COPIES.c.letter_id == letter_id, _COPIES.c.id.in_(ids), or_(refused, PENDING))
    untried = case((_COPIES.c.attempts > 0, _COPIES.c.attempts - 1), else_=0)
    cleared = dict.fromkeys(("worker", "lease_until", "begun_at", "ended_at", "reservation", "reason"))
    values = {"state": CopyState.PENDING, "attempts": untried, "not_before": now, **cleared}
    taken = connection.execute(back.values(values)).rowcount if ids else 0
    connection.execute(delete(_STRIKES).where(_STRIKES.c.copy_id.in_(ids)))
    return taken
