import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from peers import Clock, Mailbox, be_patient, honest
from sqlalchemy import insert, select

from newsletter.db import Sessions
from newsletter.delivery.bulk.sender import BulkSender
from newsletter.delivery.bulk.settings import BulkSettings
from newsletter.delivery.ledger import partitions
from newsletter.delivery.models import Copy, Counts, Letter, LetterState
from newsletter.delivery.rate_limit.claim_limiter import Batch, ClaimLimiter
from newsletter.delivery.rate_limit.limits import Limits
from newsletter.delivery.reports import stats
from newsletter.links import Links
from newsletter.mail_settings import MailServer
from newsletter.publications import Publication
from tests.originals import Fill, empty
from tests.sample_services import NOW
from tests.waiting import PATIENCE

TEXT = "Hello {{ name | friend }},\n\n.a line with a dot\nLeave: {{ unsubscribe_url }}\n"
HTML = '<html><p>Hello {{ name | friend }}</p><a href="{{ unsubscribe_url }}">Leave</a>{{ preferences_url }}</html>'


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


def opened(sessions: Sessions, _folder: Path) -> None:
    """Fill a database with the publication."""
    sender = {"sender_name": "Back Pain Help", "sender_address": "desk@example.org"}
    with sessions.begin() as session:
        session.add(Publication(slug="back", name="Back", created_at=NOW, **sender))


@pytest.fixture
def filled(request: pytest.FixtureRequest) -> Fill:
    return opened if "publication" in request.fixturenames else empty


@pytest.fixture
def publication(sessions: Sessions) -> Publication:
    with sessions.reading() as session:
        return session.scalars(select(Publication)).one()


@pytest.fixture
def running(sessions: Sessions, publication: Publication, now: datetime) -> Callable[..., int]:
    """Makes a running letter with a copy for each address, and says its id."""

    def make(addresses: Iterable[str], subject: str = "Unwind, {{ name | friend }}", at: datetime = now) -> int:
        letter = Letter(
            publication_id=publication.id,
            state=LetterState.RUNNING,
            due_at=at,
            created_at=at,
            started_at=at,
            content_hash="ab" * 32,
            sender_name=publication.sender_name,
            sender_address=publication.sender_address,
            list_id="Back <back.example.org>",
            feedback_id="1:1:issue:backpain",
            archive_url="https://letters.example.org/archive/unwind/",
            subject=subject,
            html=HTML,
            text=TEXT,
        )
        with sessions.begin() as session:
            session.add(letter)
            session.flush()
            copies = [
                {"letter_id": letter.id, "subscription_id": number, "address": address, "name": "", "not_before": at}
                for number, address in enumerate(addresses, 1)
            ]
            with partitions.writing(session, letter.id) as table:
                session.execute(insert(table), copies)
        return letter.id

    return make


@pytest.fixture
def counts(sessions: Sessions) -> Callable[[int], Counts]:
    def count(letter_id: int) -> Counts:
        with sessions.begin() as session:
            return stats.copy_counts(session, session.get_one(Letter, letter_id))

    return count


@pytest.fixture
def copies(sessions: Sessions) -> Callable[[int], dict[str, Copy]]:
    """The rows of a letter's copies, by address."""

    def rows(letter_id: int) -> dict[str, Copy]:
        with sessions.begin() as session:
            return {copy.address: copy for copy in session.scalars(select(Copy).where(Copy.letter_id == letter_id))}

    return rows


@pytest.fixture
def state(sessions: Sessions) -> Callable[[int], LetterState]:
    def of(letter_id: int) -> LetterState:
        with sessions.reading() as session:
            return session.get_one(Letter, letter_id).state

    return of


@pytest.fixture
def press(sessions: Sessions, links: Links, clock: Clock) -> Iterator[Callable[..., BulkSender]]:
    """Makes a bulk sender for a server; it rests for hundredths of the usual time after a failure.

    A test that fails leaves none of them running.
    """
    made, before = list[BulkSender](), set(threading.enumerate())

    def make(server: MailServer, *, worker: str = "w", clock: Clock = clock, **options: object) -> BulkSender:
        settings = BulkSettings(server, links, **{"limits": Limits(connections=3), "patience": 0.01} | options)
        made.append(BulkSender(sessions, settings, worker=worker, clock=clock))
        return made[-1]

    yield make
    for each in made:
        each.stop()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is too late because the machine is busy."""
    be_patient(monkeypatch)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A sender made by `press` waits a moment only for the answers named."""
    return partial(be_patient, monkeypatch)


@pytest.fixture
def take(sessions: Sessions, clock: Clock) -> Callable[..., Batch]:
    """Claims for a worker, in a transaction of its own."""

    def claim(pacer: ClaimLimiter, wanted: int = 100) -> Batch:
        with sessions.begin() as session:
            return pacer.claim(session, wanted, clock())

    return claim


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def honest_server(mailbox: Mailbox):
    with honest(mailbox) as peer:
        yield peer.server
