"""The desk served over HTTP, with a team, a few readers and an issue in each state; and a real browser at it."""

import threading
from collections.abc import Callable, Iterator
from datetime import time, timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import select
from werkzeug.serving import make_server

from newsletter import editors
from newsletter.audience import refusals, tags
from newsletter.audience.models import Act, Channel, ConsentEvent, Status, Subscriber, Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Condition, Rule
from newsletter.db import Session, Sessions, open_engine
from newsletter.delivery.bounces.events import RawReport
from newsletter.delivery.bounces.intake.reader_mails import ReaderMail
from newsletter.delivery.models import Letter, LetterState
from newsletter.delivery.reports.provider_results import StoredResults
from newsletter.doctor import report
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Readiness
from newsletter.editors import Role
from newsletter.engagement import requests
from newsletter.engagement.request_form import PreferredTime
from newsletter.engagement.requests import NewRequest
from newsletter.publications import find
from newsletter.web import create_app
from newsletter.wiring import Services
from newsletter.workflows import publish
from tests import sample_doctor, sample_services
from tests.originals import Originals
from tests.sample_services import NOW, Clock
from tests.web.conftest import browser_of
from tests.web.desk.visits import PASSWORD, Visitor, hashed

Open = Callable[..., Page]
SESSION = "newsletter"
"""The cookie's name where there is no HTTPS."""


@pytest.fixture
def services(originals: Originals, tmp_path: Path) -> Iterator[Services]:
    with originals.copy("sqlite", _peopled, tmp_path) as url:
        made = _build(Sessions(open_engine(url)), tmp_path)
        report.keep_report(tmp_path, sample_doctor.findings(NOW), NOW)
        yield made
        made.close()


@pytest.fixture
def app(services: Services, clock: Clock) -> Flask:
    return create_app(services, clock)


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where the desk answers."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_desk(chrome: Browser, address: str, app: Flask) -> Iterator[Open]:
    """A page of a fresh browser of the owner, or who is named, who has signed in; options as of Playwright's."""
    contexts: list[BrowserContext] = []

    def come_in(as_whom: str = "owner@desk.example", **options: object) -> Page:
        contexts.append(chrome.new_context(base_url=address, **options))  # type: ignore[arg-type]
        contexts[-1].add_cookies([{"name": SESSION, "value": _signed_in(app, as_whom), "url": address}])
        return contexts[-1].new_page()

    yield come_in
    for context in contexts:
        context.close()


def _signed_in(app: Flask, email: str) -> str:
    """The session of somebody who has signed in; the form in the browser has tests of its own."""
    client = browser_of(app)
    Visitor(client).sign_in(email)
    cookie = client.get_cookie(SESSION)
    assert cookie
    return cookie.value


def _build(sessions: Sessions, folder: Path) -> Services:
    return sample_services.build(sessions, folder, "http://127.0.0.1")


def _peopled(sessions: Sessions, folder: Path) -> None:
    """The team, a few readers, and an issue in each state."""
    made = _build(sessions, folder)
    sample_services.open_publication(made, NOW)
    with sessions.begin() as session:
        _add_people(session)
    sample_services.stock(made, NOW)
    with sessions.begin() as session:
        _move_issues(session, made)
        _add_segment(session)
        _add_mails(session)
        _add_request(session)
        refusals.add(session, {refusals.Reason.TRAP: 1204, refusals.Reason.WAIT: 8}, NOW)
        letter = session.scalars(select(Letter.id).order_by(Letter.started_at.desc().nulls_last())).first()
        figures = {"gmail": [4210, 3, 0], "yahoo": [1200, 0, 6]}
        session.add(StoredResults(letter_id=letter, settled_at=None, figures=figures))


def _add_segment(session: Session) -> None:
    publication = find(session)
    (friends,) = tags.ensure_tags(session, publication.id, ["Friends"]).values()
    tags.add_tags(session, [(2, friends)])
    rule = Rule(conditions=(Condition.parse("tag", "is", "Friends"), Condition.parse("status", "is_not", "complained")))
    segments.save(session, publication, "Friends", rule, NOW)


def _add_mails(session: Session) -> None:
    for number, why in enumerate(("", "too many of one sender"), start=1):
        source, words = f"sha256:{number}", b"Subject: My back\r\n\r\nIt is better.\r\n\r\nThank you!\r\n"
        mail = ReaderMail(source=source, key="reader2@example.org", publication_id=1, received_at=NOW, kept_because=why)
        session.add_all([mail, RawReport(source=source, received_at=NOW, raw=words)])


def _add_request(session: Session) -> None:
    typed = {"publication_id": 1, "is_booking": True, "topic": "My own situation", "name": "Ben", "text": "It hurts."}
    typed |= {"email": "ben@example.org", "key": "ben@example.org", "is_proven": False, "time_zone": "Europe/Warsaw"}
    preferred_time = PreferredTime(NOW.date() + timedelta(days=4), time(14, 30))
    requests.store(
        session, NewRequest(**typed, preferred_time=preferred_time, consent="I agree.", consent_version=0), NOW
    )


def _add_people(session: Session) -> None:
    for role in (Role.OWNER, Role.EDITOR):
        editors.add(session, f"{role}@desk.example", role, NOW).password_hash = hashed(PASSWORD)
    publication = find(session)
    for number in range(60):
        key = f"reader{number}@example.org"
        asked = ConsentEvent(act=Act.ASKED, channel=Channel.FORM, at=NOW, origin="203.0.113.0/24")
        status = list(Status)[number % len(Status)]
        tie = Subscription(publication=publication, status=status, created_at=NOW, events=[asked])
        session.add(Subscriber(email=key, key=key, created_at=NOW, subscriptions=[tie]))


def _move_issues(session: Session, services: Services) -> None:
    sent = issue_store.find(session, sample_services.OUT[0]).letter
    assert sent
    sent.state, sent.finished_at = LetterState.FINISHED, NOW
    issue_store.set_readiness(issue_store.find(session, "break-the-circle"), Readiness.READY)
    publish.schedule_next(
        session, services.letters, issue_store.find(session, "five-reasons-weighed"), NOW, grace=services.grace
    )
