"""Copies wait for the local hours that their readers chose, and leave then, over a real SMTP conversation."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as Talk
from peers import Clock, Mailbox, honest
from sqlalchemy import select

from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Session, Sessions
from newsletter.delivery import ledger, stopping
from newsletter.delivery.models import Copy, CopyState, Letter, LetterState
from newsletter.delivery.reports import progress, stats
from newsletter.delivery.workers import clock_setback
from newsletter.publications import Publication
from newsletter.workflows import publish

GRACE = timedelta(hours=2)
HOUR = timedelta(hours=1)
SLOT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
BERLIN, TOKYO = "Europe/Berlin", "Asia/Tokyo"
SQLITE_ONLY = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Choice = tuple[str, int] | None
Waiting = Callable[..., int]


@pytest.fixture
def waiting(sessions: Sessions, publication: Publication, now: datetime) -> Waiting:
    """Makes a letter that is due at a slot, and readers who chose these delivery hours; says the letter's id."""

    def make(choices: Mapping[str, Choice], slot: datetime = SLOT) -> int:
        letter = Letter(publication_id=publication.id, due_at=slot, created_at=now, content_hash="ab" * 32)
        letter.sender_name, letter.sender_address = "Back Pain Help", "desk@example.org"
        letter.list_id, letter.feedback_id, letter.archive_url = "Back <back.example.org>", "1:1:issue:b", "https://b/"
        letter.subject, letter.text = "Unwind", "Leave: {{ unsubscribe_url }}\n"
        letter.html = '<a href="{{ unsubscribe_url }}">Leave</a>'
        with sessions.begin() as session:
            session.add(letter)
            for name, chosen in choices.items():
                session.add(_reader(publication, name, chosen, now))
        return letter.id

    return make


def _reader(publication: Publication, name: str, chosen: Choice, now: datetime) -> Subscription:
    email = f"{name}@example.org"
    zone, hour = chosen or (None, None)
    return Subscription(
        subscriber=Subscriber(email=email, key=email, created_at=now),
        publication_id=publication.id,
        status=Status.ACTIVE,
        created_at=now,
        delivery_zone=zone,
        delivery_hour=hour,
    )


def start(sessions: Sessions, at: datetime) -> None:
    with sessions.begin() as session:
        assert publish.publish_due(session, GRACE, at)


def claimed(sessions: Sessions, at: datetime) -> list[str]:
    """Who could be sent a copy now; they all wait again afterwards."""
    with sessions.begin() as session:
        found = ledger.claim(session, "w", 100, at)
        ledger.release(session, "w", at, found)
        return sorted(copy.address.partition("@")[0] for copy in found)


def state_of(session: Session, letter_id: int) -> LetterState:
    return session.get_one(Letter, letter_id).state


class Postmark(Mailbox):
    """A mail server that notes the time on the clock for each message."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.at: dict[str, list[datetime]] = {}

    async def handle_DATA(self, server: SMTP, talk: Talk, envelope: Envelope) -> str:  # noqa: N802
        self.at.setdefault(envelope.rcpt_tos[0].partition("@")[0], []).append(self.clock.now)
        return await super().handle_DATA(server, talk, envelope)


@pytest.mark.slow
@SQLITE_ONLY
@pytest.mark.parametrize(
    "slot",
    [
        # The night in which Berlin has hour 2 twice, and the one in which it has none.
        datetime(2026, 10, 24, 20, 0, tzinfo=UTC),
        datetime(2026, 3, 28, 20, 0, tzinfo=UTC),
    ],
)
def test_each_reader_gets_the_issue_at_their_hour_from_minus_eleven_to_plus_fourteen(
    sessions: Sessions, waiting: Waiting, press, clock: Clock, slot: datetime
) -> None:
    zones = {
        "pago": "Pacific/Pago_Pago",
        "chicago": "America/Chicago",
        "johns": "America/St_Johns",
        "berlin": BERLIN,
        "kolkata": "Asia/Kolkata",
        "kathmandu": "Asia/Kathmandu",
        "howe": "Australia/Lord_Howe",
        "chatham": "Pacific/Chatham",
        "kiritimati": "Pacific/Kiritimati",
    }
    readers: dict[str, Choice] = {
        f"{name}{hour}": (zone, hour) for name, zone in zones.items() for hour in (2, 3, 8, 21)
    }
    letter = waiting(readers | {"plain": None, "nowhere": ("Europe/Atlantis", 8)}, slot)
    clock.now = slot
    postmark = Postmark(clock)
    with honest(postmark) as peer:
        bulk = press(peer.server)
        start(sessions, slot)
        while clock.now <= slot + timedelta(days=1):
            bulk.run_once()
            with sessions.begin() as session:
                ledger.finish(session, clock.now)
            clock.pass_by(minutes=15)
    arrived = {name: moments[0] for name, moments in postmark.at.items() if len(moments) == 1}
    assert sorted(arrived) == sorted([*readers, "plain", "nowhere"])
    assert arrived.pop("plain") == arrived.pop("nowhere") == slot
    is_spring = slot.month == 3
    for name, at in arrived.items():
        zone, hour = readers[name] or ("", 0)
        local = at.astimezone(ZoneInfo(zone))
        assert slot <= at <= slot + timedelta(days=1)
        assert local.hour == hour or (is_spring and name == "berlin2" and local.hour == 3)
        before = (max(slot, at - timedelta(minutes=15))).astimezone(ZoneInfo(zone))
        assert at == slot or before.hour != hour
    with sessions.reading() as session:
        assert state_of(session, letter) is LetterState.FINISHED


def test_copies_wait_for_their_hour_and_all_others_leave_at_the_slot(sessions: Sessions, waiting: Waiting) -> None:
    letter = waiting({"berlin": (BERLIN, 18), "tokyo": (TOKYO, 17), "gone": ("Europe/Atlantis", 3), "plain": None})
    start(sessions, SLOT)
    assert claimed(sessions, SLOT) == ["gone", "plain", "tokyo"]  # in Tokyo it is 17:00
    assert claimed(sessions, SLOT + 9 * HOUR - timedelta(seconds=1)) == ["gone", "plain", "tokyo"]
    assert claimed(sessions, SLOT + 9 * HOUR) == ["berlin", "gone", "plain", "tokyo"]
    with sessions.reading() as session:
        assert progress.waiting_for_hour(session, letter, SLOT) == progress.WaitingForHour(1, SLOT + 9 * HOUR)
        assert progress.waiting_for_hour(session, letter, SLOT + 9 * HOUR) == progress.NOBODY_WAITS


@SQLITE_ONLY
def test_an_issue_that_starts_late_keeps_no_reader_waiting_for_another_day(
    sessions: Sessions, waiting: Waiting
) -> None:
    waiting({"passed": (BERLIN, 9), "passing": (BERLIN, 10), "coming": (BERLIN, 11)})
    start(sessions, SLOT + timedelta(minutes=90))  # 10:30 in Berlin; the slot was 09:00
    assert claimed(sessions, SLOT + timedelta(minutes=90)) == ["passed", "passing"]
    assert claimed(sessions, SLOT + 2 * HOUR) == ["coming", "passed", "passing"]


@SQLITE_ONLY
def test_the_letter_is_not_over_until_the_last_copy_has_left(
    sessions: Sessions, waiting: Waiting, press, clock
) -> None:
    letter = waiting({"berlin": (BERLIN, 8), "plain": None})
    clock.now = SLOT
    mailbox = Mailbox()
    with honest(mailbox) as peer:
        bulk = press(peer.server)
        start(sessions, SLOT)
        assert bulk.run_once()
        assert not bulk.run_once()
        with sessions.begin() as session:
            assert ledger.finish(session, clock.now) == []
        clock.pass_by(hours=23)
        assert bulk.run_once()
        with sessions.begin() as session:
            assert ledger.finish(session, clock.now) == [letter]
    assert mailbox.recipients == ["berlin@example.org", "plain@example.org"]


@SQLITE_ONLY
def test_stopping_a_letter_stops_the_copies_that_wait_for_their_hour(sessions: Sessions, waiting: Waiting) -> None:
    letter = waiting({"berlin": (BERLIN, 8), "plain": None})
    start(sessions, SLOT)
    with sessions.begin() as session:
        assert stopping.skip_first_group(session, letter, SLOT) == 2
    with sessions.reading() as session:
        assert stats.copy_counts(session, session.get_one(Letter, letter)).skipped == 2
        assert progress.waiting_for_hour(session, letter, SLOT) == progress.NOBODY_WAITS


@SQLITE_ONLY
def test_a_reader_who_leaves_before_their_hour_gets_no_copy(sessions: Sessions, waiting: Waiting) -> None:
    letter = waiting({"berlin": (BERLIN, 8)})
    start(sessions, SLOT)
    with sessions.begin() as session:
        leaver = session.scalars(select(Subscription.id)).one()
        assert ledger.skip_pending(session, leaver, "unsubscribed", SLOT + HOUR) == 1
    with sessions.reading() as session:
        assert session.scalars(select(Copy.state).where(Copy.letter_id == letter)).one() is CopyState.SKIPPED
    assert claimed(sessions, SLOT + 23 * HOUR) == []


def test_a_clock_that_is_put_back_leaves_delivery_hours_where_they_are(sessions: Sessions, waiting: Waiting) -> None:
    waiting({"berlin": (BERLIN, 18), "plain": None})
    start(sessions, SLOT)
    with sessions.begin() as session:
        clock_setback.shorten_waits(session, SLOT - HOUR)
    assert claimed(sessions, SLOT - HOUR) == ["plain"]
    assert claimed(sessions, SLOT + 9 * HOUR) == ["berlin", "plain"]


@SQLITE_ONLY
def test_a_delivery_hour_by_a_clock_that_was_a_year_ahead_is_given_up(sessions: Sessions, waiting: Waiting) -> None:
    waiting({"berlin": (BERLIN, 18)})
    start(sessions, SLOT)
    with sessions.begin() as session:
        clock_setback.shorten_waits(session, SLOT - timedelta(days=365))
    assert claimed(sessions, SLOT - timedelta(days=365)) == ["berlin"]
