"""New readers get chosen issues, one every few days, none twice, and at most one issue a day."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from newsletter import editors, publications
from newsletter.audience import preferences, privacy, series_readers, topics, unsubscribe
from newsletter.audience.consent import NO_PROOF
from newsletter.audience.models import Channel, Pace, Status, Subscriber, Subscription
from newsletter.audience.series_readers import SeriesReader
from newsletter.db import Session
from newsletter.delivery import breaker, ledger
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause, Copy, CopyState, Letter, LetterState
from newsletter.delivery.workers import clock_setback, send_permission
from newsletter.delivery.workers.context import WorkerContext
from newsletter.editorial.issues import archive, issue_store
from newsletter.editorial.models import SlotStep
from newsletter.editorial.schedule import queue, slot_claims
from newsletter.editors import Role
from newsletter.publications import Publication
from newsletter.wiring import Services
from newsletter.workflows import (
    alert_editors,
    allow_sending,
    correct_issue,
    fill_slots,
    halt_issue,
    publish,
    resend_missed,
    welcome_series,
)
from tests import sample_services
from tests.amending import amend
from tests.originals import Fill, Originals
from tests.sample_services import NOW, OUT, WAITING

FIRST, SECOND = OUT
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""09:00 in Warsaw, three days after a Friday on which somebody confirms; the weekly slot is on Tuesday."""
DAY = timedelta(days=1)


BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
"""For what the two databases may do differently."""


@pytest.fixture
def filled() -> Fill:
    return sample_services.stocked


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, originals: Originals, filled: Fill, tmp_path: Path) -> Iterator[str]:
    with originals.copy(request.param, filled, tmp_path) as url:
        yield url


@pytest.fixture(autouse=True)
def series(services: Services) -> None:
    """A series of the two issues that are out, one every three days."""
    change(services, series_on=True, series_days=3, series_issues=[FIRST, SECOND])
    with services.sessions.begin() as session:
        send_permission.arm(session, NOW)


def change(services: Services, **values: object) -> None:
    with services.sessions.begin() as session:
        for name, value in values.items():
            setattr(publication_of(session), name, value)


def publication_of(session: Session) -> Publication:
    return publications.find(session)


def confirm(services: Services, name: str = "ada", at: datetime = NOW) -> int:
    """Somebody who confirms then; their subscription."""
    with services.sessions.begin() as session:
        reader = Subscriber(email=f"{name}@a.example", key=f"{name}@a.example", created_at=at)
        one = Subscription(subscriber=reader, publication=publication_of(session), status=Status.ACTIVE, created_at=at)
        one.confirmed_at = at
        session.add(one)
        session.flush()
        series_readers.enter(session, one, at)
        return one.id


def run(services: Services, at: datetime) -> None:
    """What the worker does at that time."""
    welcome_series.send_due(services.sessions, services.letters, WorkerContext("worker", lambda: at, lambda: False))


def arrive(services: Services, at: datetime) -> None:
    """Every copy that waits is sent."""
    with services.sessions.begin() as session:
        session.execute(update(Copy).where(Copy.state == CopyState.PENDING).values(state=CopyState.SENT, ended_at=at))
        ledger.finish(session, at)


def got(services: Services, subscription_id: int) -> list[str]:
    """The slugs of the issues that a reader has copies of, in order."""
    with services.sessions.reading() as session:
        theirs = select(Copy.letter_id).where(Copy.subscription_id == subscription_id).order_by(Copy.not_before)
        letters = session.scalars(theirs).all()
        issues = archive.of_letters(session, letters)
        return [issues[letter].slug for letter in letters]


def due_at(services: Services, subscription_id: int) -> datetime | None:
    with services.sessions.reading() as session:
        row = session.get(SeriesReader, subscription_id)
        return row and row.next_at


def handle_slots(services: Services, at: datetime) -> None:
    """The weekly slot passes."""
    with services.sessions.reading() as session:
        openings = fill_slots.open_slots(session, services.grace, at)
    for opening in openings:
        with services.sessions.begin() as session:
            fill_slots.fill_slot(session, services.audience, services.letters, opening, services.grace, at)
    with services.sessions.begin() as session:
        publish.publish_due(session, services.grace, at)


@BOTH
def test_a_new_reader_gets_one_issue_every_three_days_and_then_no_more(services: Services) -> None:
    ada = confirm(services)
    run(services, MONDAY - timedelta(minutes=1))
    assert got(services, ada) == []
    for at in (MONDAY, MONDAY, MONDAY + 2 * DAY):
        run(services, at)
        assert got(services, ada) == [FIRST]
    arrive(services, MONDAY)
    assert due_at(services, ada) == MONDAY + 3 * DAY
    run(services, MONDAY + 3 * DAY)
    assert got(services, ada) == [FIRST, SECOND]
    run(services, MONDAY + 6 * DAY)
    assert (got(services, ada), due_at(services, ada)) == ([FIRST, SECOND], None)


@BOTH
def test_its_copies_are_copies_of_the_ledger_and_its_letter_runs_while_there_are_any(services: Services) -> None:
    confirm(services)
    run(services, MONDAY)
    with services.sessions.begin() as session:
        letter = session.scalars(select(Letter).where(Letter.repeats_id.is_not(None), Letter.state == "running")).one()
        assert [copy.address for copy in ledger.claim(session, "worker", 5, MONDAY)] == ["ada@a.example"]
        assert letter.feedback_id.split(":")[2] == "series"
    with services.sessions.begin() as session:
        session.execute(update(Copy).values(state=CopyState.SENT))
        assert letter.id in ledger.finish(session, MONDAY)
    confirm(services, "ben", NOW + DAY)
    run(services, MONDAY + DAY * 2)
    with services.sessions.reading() as session:
        again = session.get_one(Letter, letter.id)
        assert (again.state, again.finished_at) == (LetterState.RUNNING, None)


@BOTH
def test_it_waits_for_the_weekly_issue_of_that_day_and_goes_the_day_after(services: Services) -> None:
    with services.sessions.begin() as session:
        queue.add(session, issue_store.find(session, WAITING), NOW)
    ada = confirm(services, at=NOW + DAY)
    tuesday = MONDAY + DAY
    run(services, tuesday - timedelta(hours=2))
    run(services, tuesday)
    assert got(services, ada) == []
    handle_slots(services, tuesday + timedelta(seconds=1))
    run(services, tuesday + timedelta(seconds=2))
    assert (got(services, ada), due_at(services, ada)) == ([WAITING], tuesday + DAY)
    run(services, tuesday + DAY)
    assert got(services, ada) == [WAITING]
    arrive(services, tuesday)
    run(services, tuesday + 2 * DAY)
    assert got(services, ada) == [WAITING, FIRST]


def test_it_goes_on_the_day_of_a_slot_that_passed_without_an_issue(services: Services) -> None:
    ada, tuesday = confirm(services, at=NOW + DAY), MONDAY + DAY
    run(services, tuesday)
    assert got(services, ada) == []
    with services.sessions.begin() as session:
        slot_claims.claim(session, 1, tuesday, SlotStep.HOUR)
    run(services, tuesday + timedelta(seconds=1))
    assert got(services, ada) == [FIRST]


def test_an_issue_scheduled_for_later_that_day_comes_first(services: Services) -> None:
    ada = confirm(services)
    with services.sessions.begin() as session:
        publish.schedule(session, services.letters, issue_store.find(session, WAITING), MONDAY + DAY / 4, NOW)
    run(services, MONDAY)
    assert got(services, ada) == []
    with services.sessions.begin() as session:
        publish.publish_due(session, services.grace, MONDAY + DAY / 4)
    run(services, MONDAY + DAY / 3)
    assert (got(services, ada), due_at(services, ada)) == ([WAITING], MONDAY + DAY)


@BOTH
def test_a_copy_that_still_waits_when_an_issue_starts_goes_a_day_later(services: Services) -> None:
    ada = confirm(services)
    run(services, MONDAY)
    with services.sessions.begin() as session:
        publish.send_now(session, services.letters, issue_store.find(session, WAITING), MONDAY + DAY / 24)
    with services.sessions.begin() as session:
        claimed = ledger.claim(session, "worker", 5, MONDAY + DAY / 2)
        issues = archive.of_letters(session, [copy.letter_id for copy in claimed])
        assert [issue.slug for issue in issues.values()] == [WAITING]
        clock_setback.shorten_waits(session, MONDAY + DAY / 2)
        assert ledger.claim(session, "worker", 5, MONDAY + DAY) == []
        later = ledger.claim(session, "worker", 5, MONDAY + DAY + DAY / 24)
        assert [copy.subscription_id for copy in later] == [ada]


@BOTH
def test_a_copy_waits_for_its_readers_hour(services: Services) -> None:
    ada = confirm(services)
    with services.sessions.begin() as session:
        one = session.get_one(Subscription, ada)
        one.delivery_zone, one.delivery_hour = "America/New_York", 7
    run(services, MONDAY)
    with services.sessions.begin() as session:
        assert ledger.claim(session, "worker", 5, MONDAY) == []
        assert len(ledger.claim(session, "worker", 5, MONDAY + timedelta(hours=4))) == 1


def test_a_correction_goes_to_those_who_got_the_issue_in_the_series(services: Services) -> None:
    confirm(services)
    run(services, MONDAY)
    arrive(services, MONDAY)
    with services.sessions.begin() as session:
        found = correct_issue.audience(session, issue_store.find(session, FIRST), MONDAY, MONDAY)
        assert (found.size, found.unreachable) == (1, 0)
    letter_id = sample_services.correct(services.sessions, services.links, FIRST, MONDAY + DAY)
    with services.sessions.reading() as session:
        assert session.scalars(select(Copy.address).where(Copy.letter_id == letter_id)).all() == ["ada@a.example"]


def test_the_editors_are_told_when_servers_refuse_it_and_it_can_be_resumed(services: Services) -> None:
    confirm(services)
    run(services, MONDAY)
    with services.sessions.begin() as session:
        editors.add(session, "ann@press.example", Role.EDITOR, NOW)
        letter = session.scalars(select(Letter).where(Letter.repeats_id.is_not(None), Letter.state == "running")).one()
        letter.state = LetterState.PAUSED
        opened = {
            "letter_id": letter.id,
            "provider_group": breaker.WHOLE,
            "opened_at": MONDAY,
            "code": 550,
            "reply": "policy",
        }
        trip = breaker.Trip(**opened, copies=1)
        session.add(trip)
        session.flush()
        assert alert_editors.send_alert(session, services.audience, trip.id, MONDAY)
        assert halt_issue.resume_letter(session, letter, MONDAY)
        assert letter.state is LetterState.RUNNING
    mail = sample_services.letters(services)[-1]
    assert "in the welcome series is paused" in mail["headline"]
    assert mail["issue_url"].endswith("/desk/settings/series/?publication=backpainhelp")


@BOTH
def test_nobody_gets_an_issue_twice(services: Services) -> None:
    ada = confirm(services)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SECOND)
        assert resend_missed.resend(session, issue, NOW, joined=True) == 1
    arrive(services, NOW)
    run(services, MONDAY)
    arrive(services, MONDAY)
    run(services, MONDAY + 3 * DAY)
    assert (got(services, ada), due_at(services, ada)) == ([SECOND, FIRST], None)
    with services.sessions.reading() as session:
        missed = resend_missed.find_missed(session, issue_store.find(session, FIRST), NOW, joined=True)
        assert (missed.joined, missed.copies) == (0, 0)


def test_an_earlier_reader_of_an_issue_whose_copies_were_deleted_does_not_get_it_again(services: Services) -> None:
    before, after = confirm(services, "old", NOW - 20 * DAY), confirm(services, "new")
    with services.sessions.begin() as session:
        issue_store.find(session, FIRST).letter.final_counts = {"audience": 1}
    run(services, MONDAY)
    assert (got(services, before), got(services, after)) == ([SECOND], [FIRST])


@pytest.mark.parametrize("changed", [[SECOND, FIRST], [SECOND]])
def test_a_change_of_the_series_counts_from_the_next_issue_on(services: Services, changed: list[str]) -> None:
    ada = confirm(services)
    change(services, series_issues=[FIRST])
    run(services, MONDAY)
    arrive(services, MONDAY)
    change(services, series_issues=changed, series_days=10)
    run(services, MONDAY + 3 * DAY)
    assert got(services, ada) == [FIRST, SECOND]
    assert due_at(services, ada) == MONDAY + 13 * DAY


def test_a_corrected_issue_goes_to_the_next_reader_as_it_was_corrected(services: Services) -> None:
    ada = confirm(services)
    run(services, MONDAY)
    arrive(services, MONDAY)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, FIRST)
        amend(session, issue, f"{issue.revision.source}\nTen minutes.\n", "Ten, not five.", "ann@press.example", MONDAY)
    ben = confirm(services, "ben", NOW + 3 * DAY)
    run(services, MONDAY + 3 * DAY)
    with services.sessions.reading() as session:
        texts = {
            reader: session.scalars(
                select(Letter.text).join(Copy, Copy.letter_id == Letter.id).where(Copy.subscription_id == reader)
            ).first()
            for reader in (ada, ben)
        }
    assert ("Ten minutes." in texts[ada], "Ten minutes." in texts[ben]) == (False, True)
    assert got(services, ada) == [FIRST, SECOND]


def test_an_issue_that_preflight_stops_is_waited_for(services: Services) -> None:
    ada = confirm(services)
    with services.sessions.begin() as session:
        address = publication_of(session).postal_address
        publication_of(session).postal_address = ""
    run(services, MONDAY)
    assert (got(services, ada), due_at(services, ada)) == ([], MONDAY + DAY)
    change(services, postal_address=address)
    run(services, MONDAY + 2 * DAY)
    assert got(services, ada) == [FIRST]


def test_it_stops_when_a_reader_leaves_or_is_suppressed_and_a_break_only_halts_it(services: Services) -> None:
    left, suppressed, paused = (confirm(services, name) for name in ("left", "suppressed", "paused"))
    with services.sessions.begin() as session:
        leaver = session.get_one(Subscription, left)
        unsubscribe.unsubscribe(session, services.audience, leaver, Channel.LINK, NO_PROOF, NOW)
        suppression.add(session, "suppressed@a.example", Cause.COMPLAINT, NOW)
        one = session.get_one(Subscription, paused)
        one.status, one.paused_until = Status.PAUSED, MONDAY + 2 * DAY
        assert series_readers.count_inside(session, 1) == 2
    run(services, MONDAY)
    assert [due_at(services, each) for each in (left, suppressed, paused)] == [None, None, MONDAY + DAY]
    with services.sessions.begin() as session:
        preferences.end_due_pauses(session, MONDAY + 2 * DAY)
    run(services, MONDAY + 2 * DAY)
    assert [got(services, each) for each in (left, suppressed, paused)] == [[], [], [FIRST]]


def test_a_reader_gets_nothing_about_topics_that_they_turned_off(services: Services) -> None:
    with services.sessions.begin() as session:
        issue = issue_store.find(session, FIRST)
        tag = issue_store.parse_revision(issue, issue.revision).tags[0]
        publication_of(session).topics = [tag]
    ada = confirm(services)
    with services.sessions.begin() as session:
        session.add(topics.TopicOff(subscription_id=ada, key=publication_of(session).topic_keys([tag])[0]))
    run(services, MONDAY)
    assert FIRST not in got(services, ada)


def test_a_reader_who_chose_one_email_a_month_is_out_of_it(services: Services) -> None:
    ada = confirm(services)
    with services.sessions.begin() as session:
        session.get_one(Subscription, ada).pace = Pace.MONTHLY
    run(services, MONDAY)
    with services.sessions.reading() as session:
        assert series_readers.count_outside(session, publication_of(session)) == 0
    assert (got(services, ada), due_at(services, ada)) == ([], None)


@BOTH
def test_earlier_readers_enter_only_when_an_editor_adds_them(services: Services) -> None:
    change(services, series_on=False)
    ada = confirm(services)
    change(services, series_on=True)
    run(services, MONDAY)
    assert due_at(services, ada) is None
    with services.sessions.begin() as session:
        publication = publication_of(session)
        assert series_readers.count_outside(session, publication) == 1
        assert [series_readers.enter_all(session, publication, MONDAY) for _ in range(2)] == [1, 0]
    assert due_at(services, ada) == MONDAY + DAY


def test_while_it_is_off_everybody_keeps_their_place(services: Services) -> None:
    ada = confirm(services)
    change(services, series_on=False)
    run(services, MONDAY)
    assert (got(services, ada), due_at(services, ada)) == ([], MONDAY)
    change(services, series_on=True)
    run(services, MONDAY + 2 * DAY)
    assert got(services, ada) == [FIRST]


@BOTH
def test_what_is_cut_off_half_way_leaves_neither_a_copy_nor_a_later_time(services: Services) -> None:
    ada = confirm(services)
    welcome_series.make_letters(services.sessions, services.letters, 1, MONDAY)
    with services.sessions.begin() as session:
        assert welcome_series.send_group(session, services.letters, 1, MONDAY)
        session.rollback()
    assert (got(services, ada), due_at(services, ada)) == ([], MONDAY)


@BOTH
def test_two_workers_at_once_give_each_reader_one_copy(services: Services) -> None:
    readers = [confirm(services, f"reader{number}") for number in range(20)]
    together = threading.Barrier(2)

    def work() -> None:
        together.wait()
        run(services, MONDAY)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [got(services, reader) for reader in readers] == [[FIRST]] * 20
    with services.sessions.reading() as session:
        assert session.scalar(select(func.count()).where(Letter.repeats_id.is_not(None))) == 2


def test_before_a_restored_database_sends_it_is_shown_who_is_due_and_what_waits(services: Services) -> None:
    confirm(services)
    run(services, MONDAY)
    confirm(services, "ben")
    with services.sessions.reading() as session:
        found = allow_sending.series_backlog(session, MONDAY)
        assert (found.waiting, found.due) == (1, 1)


def test_erasing_a_reader_takes_them_out_and_their_data_name_it(services: Services) -> None:
    ada = confirm(services)
    with services.sessions.begin() as session:
        reader = session.get_one(Subscription, ada).subscriber
        assert privacy.export_data(session, reader)["welcome_series"] == {"backpainhelp": MONDAY.isoformat()}
        privacy.erase_reader(session, services.audience, reader, NOW)
        assert session.scalars(select(SeriesReader)).all() == []
