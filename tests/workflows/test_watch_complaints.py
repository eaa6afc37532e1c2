"""Complaints by provider: the editors are warned, and what goes there is stopped."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from newsletter import editors
from newsletter.addresses.provider_groups import ProviderGroups
from newsletter.delivery import breaker
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.report import Kind, Reason
from newsletter.delivery.breaker import Trip
from newsletter.delivery.models import Copy, CopyState, Letter, LetterState
from newsletter.delivery.rate_limit import limiter_store
from newsletter.delivery.reports import provider_results
from newsletter.delivery.reports.provider_results import Concern, ProviderResult, StoredResults
from newsletter.delivery.workers.context import WorkerContext
from newsletter.editors import Role
from newsletter.wiring import Services
from newsletter.workflows import alert_editors, tend_bounces
from newsletter.workflows.record_bounce import BounceServices
from tests import sample_services
from tests.sample_services import NOW

READERS = count(1_000)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def filled():
    return sample_services.stocked


@pytest.fixture(autouse=True)
def _are_over(request: pytest.FixtureRequest) -> None:
    if "services" in request.fixturenames:
        with request.getfixturevalue("services").sessions.begin() as session:
            session.execute(update(Letter).values(state=LetterState.FINISHED, finished_at=NOW))


@pytest.mark.parametrize(
    ("result", "concern"),
    [
        (ProviderResult("yahoo", 1_000, 0, 0), None),
        (ProviderResult("yahoo", 1_001, 0, 1), None),
        (ProviderResult("yahoo", 1_000, 0, 1), Concern.WARN),
        (ProviderResult("yahoo", 2_000, 1_000, 1), Concern.WARN),
        (ProviderResult("yahoo", 100, 0, 4), Concern.WARN),
        (ProviderResult("yahoo", 1_667, 0, 5), Concern.WARN),
        (ProviderResult("yahoo", 1_666, 0, 5), Concern.BRAKE),
        (ProviderResult("yahoo", 5, 5, 5), None),
        (ProviderResult("gmail", 1_000, 0, 0), None),
    ],
)
def test_a_rate_of_complaints_calls_for_a_warning_or_a_brake(result: ProviderResult, concern: Concern | None) -> None:
    assert result.concern is concern


def test_a_provider_that_tells_of_no_complaints_has_no_rate() -> None:
    assert ProviderResult("gmail", 1_000).rate is None
    assert ProviderResult("yahoo", 1_000).rate == 0
    assert ProviderResult("gmail", 1_000, 0, 1).rate == 0.001


def letters(services: Services) -> Sequence[Letter]:
    with services.sessions.reading() as session:
        return session.scalars(select(Letter).order_by(Letter.started_at)).all()


def send(services: Services, letter: Letter, domain: str, number: int, state: CopyState = CopyState.SENT) -> None:
    values: dict[str, Any] = {"letter_id": letter.id, "name": "", "state": state, "not_before": NOW, "ended_at": NOW}
    rows = [values | {"subscription_id": next(READERS), "address": f"r{n}@{domain}"} for n in range(number)]
    with services.sessions.begin() as session:
        session.execute(insert(Copy), rows)


def hear(services: Services, letter: Letter, group: str, kind: Kind, number: int, first: int = 0) -> None:
    with services.sessions.begin() as session:
        for place in range(first, first + number):
            said = {"kind": kind, "reason": Reason.FEEDBACK, "at": NOW, "received_at": NOW, "way": "pipe"}
            event = {"source": f"{letter.id} {group} {kind} {place}", "key": f"r{place}@{group}", **said}
            session.add(BounceEvent(letter_id=letter.id, provider_group=group, **event))


def watch(services: Services, at=NOW) -> None:
    tend_bounces.watch_complaints(services.sessions, BounceServices(services.audience), WorkerContext("w", lambda: at))


def trips(services: Services) -> list[Trip]:
    with services.sessions.reading() as session:
        return list(session.scalars(select(Trip).order_by(Trip.id)))


def set_running(services: Services, letter: Letter) -> None:
    with services.sessions.begin() as session:
        session.get_one(Letter, letter.id).state = LetterState.RUNNING


def test_one_complaint_in_a_thousand_warns_the_editors_once(services: Services) -> None:
    last = letters(services)[-1]
    send(services, last, "yahoo.com", 1_000)
    hear(services, last, "yahoo", Kind.COMPLAINT, 1)
    watch(services)
    watch(services)
    [trip] = trips(services)
    assert (trip.provider_group, trip.is_alarm, trip.reply) == (
        "yahoo",
        True,
        "Complaints: 1 of 1,000 copies delivered (0.10%).",
    )
    assert trip.explanation.endswith("Nothing is stopped.")


@SQLITE
def test_the_brake_holds_what_still_goes_there_once_a_letter(services: Services) -> None:
    last = letters(services)[-1]
    set_running(services, last)
    send(services, last, "yahoo.com", 1_000)
    hear(services, last, "yahoo", Kind.COMPLAINT, 2)
    watch(services)
    hear(services, last, "yahoo", Kind.BOUNCE, 100)
    hear(services, last, "yahoo", Kind.COMPLAINT, 5, first=2)
    watch(services)
    warned, held = trips(services)
    assert (warned.is_alarm, held.closed_at, held.provider_group) == (True, None, "yahoo")
    assert held.reply == "Complaints: 7 of 900 copies delivered (0.78%); too many to go on."
    assert "report it as spam" in held.explanation
    with services.sessions.reading() as session:
        assert limiter_store.current_pauses(session, NOW, 5).keys() == {"yahoo"}
    with services.sessions.begin() as session:
        breaker.close(session, last.id, NOW)
    watch(services)
    assert len(trips(services)) == 2


@SQLITE
def test_the_editors_are_told_by_mail_whose_readers_complain(services: Services) -> None:
    last = letters(services)[-1]
    send(services, last, "yahoo.com", 900)
    hear(services, last, "yahoo", Kind.COMPLAINT, 5)
    watch(services)
    with services.sessions.begin() as session:
        editors.add(session, "zofia@desk.example", Role.EDITOR, NOW)
        [trip_id] = breaker.unreported(session)
        assert alert_editors.send_alert(session, services.audience, trip_id, NOW)
    mail = sample_services.letters(services)[-1]
    assert mail["headline"].startswith("Readers at Yahoo report “")
    assert mail["said"] == "Complaints: 5 of 900 copies delivered (0.56%); too many to go on."
    assert mail["remedy"].startswith("Find out why")


@SQLITE
def test_complaints_of_a_week_count_together(services: Services) -> None:
    first, last = letters(services)[-2:]
    with services.sessions.begin() as session:
        for one in (first, last):
            session.get_one(Letter, one.id).started_at = NOW - timedelta(days=1 + (one is first))
    send(services, first, "yahoo.com", 1_000)
    send(services, last, "yahoo.com", 500)
    hear(services, first, "yahoo", Kind.COMPLAINT, 4)
    hear(services, last, "yahoo", Kind.COMPLAINT, 1, first=9)
    watch(services)
    assert [(one.letter_id, one.reply) for one in trips(services)] == [
        (first.id, "Complaints: 4 of 1,000 copies delivered (0.40%)."),
        (last.id, "Complaints: 1 of 500 copies delivered (0.20%)."),
        (last.id, "Complaints: 5 of 1,500 copies delivered (0.33%); too many to go on."),
    ]


def test_results_are_stored_by_provider_and_go_when_they_are_old(services: Services) -> None:
    old, last = letters(services)[-2:]
    watch(services, old.started_at)
    send(services, last, "gmail.com", 3)
    send(services, last, "clinic.example", 2, CopyState.REFUSED)
    for number in range(40):
        send(services, last, f"d{number}.example", 1)
    hear(services, last, "d39.example", Kind.BOUNCE, 1)
    with services.sessions.begin() as session:
        session.get_one(Letter, last.id).finished_at = NOW + timedelta(minutes=1)
    watch(services)
    with services.sessions.reading() as session:
        kept = list(session.scalars(select(StoredResults.letter_id)))
        results = {one.group: one for one in provider_results.of_letters(session, kept)}
        fresh = provider_results.count_results(session, last.id, ProviderGroups())
    assert old.id not in kept
    assert fresh is None
    assert results["gmail"].sent >= 3
    assert "clinic.example" not in results
    assert sum(one.bounced for one in results.values()) == 1
    assert len(results) == 31
    assert len(provider_results.shortened(results.values())) == 11
