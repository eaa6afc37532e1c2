"""A rehearsal: every copy is composed as it would be sent, and nothing is sent and nothing written."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Sessions
from newsletter.delivery import ledger
from newsletter.delivery.bounces import suppression
from newsletter.delivery.message import compose, dkim_keys
from newsletter.delivery.message.dkim_keys import NO_KEYS, Keyring
from newsletter.delivery.models import Cause, Letter
from newsletter.editorial.issues import issue_store
from newsletter.errors import Conflict
from newsletter.wiring import Services
from newsletter.workflows import publish, rehearse_issue
from newsletter.workflows.rehearse_issue import RehearsalReport
from tests import sample_services
from tests.databases import MOSTLY_SQLITE
from tests.originals import Fill, upon
from tests.sample_services import NOW

pytestmark = MOSTLY_SQLITE

SLUG = sample_services.OUT[0]
READERS = {
    "ada@reader.example": "Ada",
    "ben@reader.example": "",
    "cleo@Other.example": "Cléo",
    "dora@bücher.example": "",
    "zoë@reader.example": "Zoë",
    "not an address": "",
    "gone@reader.example": "",
    "barred@reader.example": "",
}


@pytest.fixture
def filled() -> Fill:
    """The shipped issues, two of them out, and eight readers: one has left, one is suppressed."""
    return _peopled


@upon(sample_services.stocked)
def _peopled(sessions: Sessions, _folder: Path) -> None:
    with sessions.begin() as session:
        for number, (email, name) in enumerate(READERS.items(), 1):
            person = Subscriber(email=email, key=email.casefold(), name=name, created_at=NOW)
            status = Status.UNSUBSCRIBED if email.startswith("gone") else Status.ACTIVE
            tie = Subscription(id=100 + number, publication_id=1, status=status, created_at=NOW)
            person.subscriptions.append(tie)
            session.add(person)
        suppression.add(session, "barred@reader.example", Cause.COMPLAINT, NOW)


def rehearse(
    services: Services, now: datetime, slug: str = sample_services.WAITING, keys: Keyring = NO_KEYS
) -> RehearsalReport:
    parts = {"settings": services.settings, "letters": services.letters, "keyring": keys}
    with services.sessions.reading() as session:
        return rehearse_issue.rehearse_issue(session, issue_store.find(session, slug), now, watched=_unwatched, **parts)


def _unwatched(copies: Iterable[ledger.ClaimedCopy], _total: int) -> Iterable[ledger.ClaimedCopy]:
    return copies


def test_it_tells_what_would_happen_and_writes_nothing(services: Services, now: datetime) -> None:
    before = sample_services.dump(services)
    report = rehearse(services, now)
    assert (report.readers, report.suppressed, report.blocking) == (6, 1, [])
    found = report.rehearsal
    assert found.domains == {"reader.example": 3, "other.example": 1, "xn--bcher-kva.example": 1}
    assert (found.unsendable.count, found.unsendable.first) == (1, [(106, "n…")])
    assert (found.international.count, found.international.first) == (1, [(105, "z…@reader.example")])
    assert found.sizes.total() == 5
    assert min(found.sizes) <= found.median <= max(found.sizes)
    assert found.oversized == 0
    assert found.faults == {}
    assert sample_services.dump(services) == before


def test_the_sizes_are_those_of_the_copies_that_then_go_out(services: Services, now: datetime) -> None:
    rehearsed = rehearse(services, now).rehearsal.sizes
    with services.sessions.begin() as session:
        letter_id = publish.send_now(
            session, services.letters, issue_store.find(session, sample_services.WAITING), now
        ).letter_id
    with services.sessions.begin() as session:
        template = compose.compile(session.get_one(Letter, letter_id).content, services.links)
        copies = ledger.claim(session, "w", 100, now)
        sizes = Counter(len(template.message(copy, now)) for copy in copies if " " not in copy.address)
    assert sizes == rehearsed


def test_a_field_without_a_fallback_is_counted_where_it_is_empty(services: Services, now: datetime) -> None:
    assert rehearse(services, now).rehearsal.blank == {}
    with services.sessions.begin() as session:
        letter = publish.schedule_next(
            session, services.letters, issue_store.find(session, sample_services.WAITING), now, grace=services.grace
        )
        letter.subject = "Dear {{ name }}, it is {{ name | friend }} {{ email }}"
    assert rehearse(services, now).rehearsal.blank == {"name": 3}


def test_a_letter_with_a_field_that_there_is_not_blocks(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        letter = publish.schedule_next(
            session, services.letters, issue_store.find(session, sample_services.WAITING), now, grace=services.grace
        )
        letter.subject = "Dear {{ nickname }}"
    [reason] = rehearse(services, now).blocking
    assert reason.startswith('unknown field "nickname"; the fields here are: ')


def test_a_draft_is_rehearsed_and_said_to_be_one(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        issue_store.set_readiness(issue_store.find(session, sample_services.WAITING), issue_store.Readiness.DRAFT)
    report = rehearse(services, now)
    assert report.rehearsal.sizes.total() == 5
    assert ["” is a draft; mark it as ready first" in reason for reason in report.blocking] == [True]


def test_an_issue_that_has_begun_is_not_rehearsed(services: Services, now: datetime) -> None:
    with pytest.raises(Conflict, match="” is already being sent"):
        rehearse(services, now, SLUG)


def test_the_time_it_takes_follows_the_limits(services: Services, now: datetime) -> None:
    assert rehearse(services, now).seconds < 2
    report = rehearse(replace(services, settings=services.settings.model_copy(update={"mail_rate": 0.1})), now)
    assert timedelta(seconds=39) < timedelta(seconds=report.seconds) < timedelta(seconds=51)
    assert report.forecast.slowest == ""


def test_a_fault_of_ours_is_named_by_its_kind_and_reader(
    services: Services, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = compose.MessageTemplate.message

    def faulty(template, copy, date):  # type: ignore[no-untyped-def]
        if copy.name == "Ada":
            raise ZeroDivisionError(copy.address)
        return real(template, copy, date)

    monkeypatch.setattr(compose.MessageTemplate, "message", faulty)
    found = rehearse(services, now).rehearsal
    assert {name: troubled.first for name, troubled in found.faults.items()} == {
        "ZeroDivisionError": [(101, "a…@reader.example")]
    }
    assert found.sizes.total() == 4


def test_a_signature_counts_in_the_size(services: Services, now: datetime, tmp_path: Path) -> None:
    dkim_keys.create_key(tmp_path / "dkim", "backpainhelp.example", "press", ed25519=True)
    keys = Keyring.load(tmp_path / "dkim", ["press"])
    assert rehearse(services, now, keys=keys).rehearsal.median > rehearse(services, now).rehearsal.median + 200


def test_nothing_of_it_depends_on_the_readers_being_there(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        for one in session.scalars(select(Subscription)):
            one.status = Status.UNSUBSCRIBED
    report = rehearse(services, now)
    assert (report.readers, report.rehearsal.median, report.rehearsal.oversized) == (0, 0, 0)
