"""Strikes: refusals because of us, counted in the transaction that records them; some in a row open a breaker."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, cast

import structlog
from sqlalchemy import Connection, Select, Table, and_, case, delete, insert, or_, select, update

from newsletter.addresses.masking import mask_in_text
from newsletter.addresses.provider_groups import ProviderGroups
from newsletter.delivery.breaker.trips import STRIKES, WHOLE, Strike, Trip, held_by, resumption
from newsletter.delivery.ledger.outcomes import ABOUT_US, HeldCopy, Outcome
from newsletter.delivery.models import PENDING, UNDER_WAY, Copy, CopyState, Letter, LetterState
from newsletter.delivery.smtp import refusals

# Fewer may share one company's policy; more have only us in common.
_DOMAINS = 3
_LOOK = 2.0

log = structlog.get_logger(__name__)

_COPIES = cast("Table", Copy.__table__)
_STRIKES = cast("Table", Strike.__table__)
_TRIPS = cast("Table", Trip.__table__)
_OPEN = _TRIPS.c.closed_at.is_(None)


class _Counted(NamedTuple):
    copy_id: int
    provider_group: str
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

    def count_sent(self, group: str) -> None:
        """A provider accepted a copy: what was held against us there is forgotten, and no row of strikes goes on."""
        self.at_mail = 0
        self.taken.add(group)
        others = (one for one in self.strikes.values() if one.provider_group != group)
        self.strikes = {one.copy_id: one._replace(in_a_row=False) for one in others}

    def count_strike(self, outcome: Outcome, group: str) -> None:
        """A provider refused a copy because of us."""
        self.last = outcome
        # For a group of many domains one such answer is enough; a single domain's may be that company's policy.
        if "." not in group and refusals.applies_to_all(outcome.status, outcome.reply or ""):
            self.refuses_all.add(group)
        if outcome.goes_back and outcome.not_before is None:
            self.at_mail += 1
        else:
            domain = outcome.copy.address.rpartition("@")[2].lower()
            self.strikes[outcome.copy.id] = _Counted(outcome.copy.id, group, domain, in_a_row=True)


class Breaker:
    """One worker's view of the breakers: counts refusals that are because of us, and holds copies back."""

    def __init__(self, providers: ProviderGroups) -> None:
        self._groups = providers
        self._at_mail: Counter[int] = Counter()
        """For each letter, how often the sender itself was refused in a row."""
        self._struck: set[int] = set()
        """The letters that have strikes, as far as this worker knows."""
        self._held: dict[tuple[int, str], datetime] = {}
        self._refreshed_at = float("-inf")

    def holds(self, copy: HeldCopy) -> bool:
        """Whether a copy waits because the breaker of its letter or of its provider group is open."""
        return self.held_until(copy) is not None

    def held_until(self, copy: HeldCopy) -> datetime | None:
        """The `not_before` by which a copy waits for its breaker to be closed; None if none holds it."""
        if not self._held:
            return None
        whole = self._held.get((copy.letter_id, WHOLE))
        return whole or self._held.get((copy.letter_id, self._groups.of_address(copy.address)))

    def refresh(self, connection: Connection) -> None:
        """Read from the database which breakers are open and which letters have strikes."""
        open_trips = connection.execute(_held_groups())
        self._held = {(letter_id, group): held_by(trip_id) for letter_id, group, trip_id in open_trips}
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
                streak.count_sent(group)
            elif outcome.about_us:
                streak.count_strike(outcome, group)
        return streak

    def _apply(self, connection: Connection, letter_id: int, streak: _Streak, now: datetime) -> None:
        if streak.taken:
            theirs = _STRIKES.c.letter_id == letter_id
            connection.execute(delete(_STRIKES).where(theirs, _STRIKES.c.provider_group.in_(streak.taken)))
            connection.execute(update(_STRIKES).where(theirs, _STRIKES.c.in_a_row).values(in_a_row=False))
        if streak.strikes:
            _remember(connection, letter_id, streak.strikes.values())
            self._struck.add(letter_id)
        if streak.last:
            self._decide(connection, letter_id, streak, streak.last, now)

    def _decide(self, connection: Connection, letter_id: int, streak: _Streak, last: Outcome, now: datetime) -> None:
        # Workers decide one at a time, so that each sees the breakers that another has opened.
        state = connection.scalar(select(Letter.state).where(Letter.id == letter_id).with_for_update())
        if state not in UNDER_WAY:
            return  # Somebody stopped it meanwhile: nothing is left to hold, and what was refused was missed.
        is_open = set(connection.scalars(select(_TRIPS.c.provider_group).where(_TRIPS.c.letter_id == letter_id, _OPEN)))
        # Copies that were under way when the breaker opened go back like the others.
        late = [one.copy_id for one in streak.strikes.values() if WHOLE in is_open or one.provider_group in is_open]
        _take_back(connection, letter_id, late, now)
        counted = [_Counted._make(row) for row in connection.execute(_counted(letter_id))]
        due = set(_too_many(counted, streak.at_mail))
        for group in (due if WHOLE in due else due | streak.refuses_all) - is_open:
            theirs = [
                one.copy_id for one in counted if (one.in_a_row if group == WHOLE else one.provider_group == group)
            ]
            self._open(connection, letter_id, group, last, _take_back(connection, letter_id, theirs, now), now)
            streak.at_mail = 0

    def _open(
        self, connection: Connection, letter_id: int, group: str, last: Outcome, back: int, now: datetime
    ) -> None:
        reply = mask_in_text(last.copy.address, last.reply or "")
        opening = {"code": last.code or 0, "reply": reply, "copies": back, "resumes_at": resumption(reply, now)}
        opened = (
            insert(_TRIPS)
            .values(letter_id=letter_id, provider_group=group, opened_at=now, **opening)
            .returning(_TRIPS.c.id)
        )
        trip_id = connection.execute(opened).scalar_one()
        if group == WHOLE:
            pause = update(Letter).where(Letter.id == letter_id, Letter.state == LetterState.RUNNING)
            connection.execute(pause.values(state=LetterState.PAUSED))
        self._held[letter_id, group] = held_by(trip_id)
        log.warning("servers refuse the sender; stopped", letter=letter_id, group=group or "all", code=last.code)


def _too_many(counted: Sequence[_Counted], at_mail: int) -> list[str]:
    """The breakers to open: WHOLE, or some provider groups."""
    in_a_row = [one for one in counted if one.in_a_row]
    domains, providers = {one.domain for one in in_a_row}, {one.provider_group for one in in_a_row}
    if at_mail >= STRIKES or (len(in_a_row) >= STRIKES and len(domains) >= _DOMAINS and len(providers) > 1):
        return [WHOLE]
    return [group for group, count in Counter(one.provider_group for one in counted).items() if count >= STRIKES]


def _held_groups() -> Select[Any, Any, Any]:
    running = select(Letter.id).where(Letter.state == LetterState.RUNNING)
    return select(_TRIPS.c.letter_id, _TRIPS.c.provider_group, _TRIPS.c.id).where(
        _OPEN, _TRIPS.c.provider_group != WHOLE, _TRIPS.c.letter_id.in_(running)
    )


def _counted(letter_id: int) -> Select[Any, Any, Any, Any]:
    columns = [_STRIKES.c[name] for name in _Counted._fields]
    return select(*columns).where(_STRIKES.c.letter_id == letter_id)


def _remember(connection: Connection, letter_id: int, strikes: Iterable[_Counted]) -> None:
    rows = [{"letter_id": letter_id, **one._asdict()} for one in strikes]
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
