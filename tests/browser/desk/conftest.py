"""The desk served over HTTP, with a team, a few readers and an issue in each state; and a real browser at it."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from werkzeug.serving import make_server

from newsletter import editors, migrating, publishing
from newsletter.audience.models import Act, ConsentEvent, Status, Subscriber, Subscription, Way
from newsletter.db import Session, Sessions, open_engine
from newsletter.delivery.models import LetterState
from newsletter.editorial import shelf
from newsletter.editorial.models import Readiness
from newsletter.editors import Role
from newsletter.publications import find
from newsletter.web import create_app
from newsletter.wiring import House
from tests import houses
from tests.web.desk.visits import PASSWORD

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
Open = Callable[..., Page]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    engine = open_engine(f"sqlite:///{tmp_path / 'newsletter.db'}")
    migrating.upgrade(engine)
    made = houses.build(Sessions(engine), tmp_path, "http://127.0.0.1")
    houses.open_publication(made, NOW)
    with made.sessions.begin() as session:
        _add_people(session)
    houses.stock(made, NOW)
    with made.sessions.begin() as session:
        _move_issues(session, made)
    yield made
    made.close()


@pytest.fixture
def address(house: House) -> Iterator[str]:
    """Where the desk answers."""
    server = make_server("127.0.0.1", 0, create_app(house, lambda: NOW), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_desk(chrome: Browser, address: str) -> Iterator[Open]:
    """A page of a fresh browser in which the owner, or who is named, has signed in; options as of Playwright's."""
    contexts: list[BrowserContext] = []

    def come_in(as_whom: str = "owner@desk.example", **options: object) -> Page:
        contexts.append(chrome.new_context(base_url=address, **options))  # type: ignore[arg-type]
        page = contexts[-1].new_page()
        page.goto("/desk/sign-in")
        page.get_by_label("Email address").fill(as_whom)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/desk/issues/")
        return page

    yield come_in
    for context in contexts:
        context.close()


def _add_people(session: Session) -> None:
    for role in (Role.OWNER, Role.EDITOR):
        editors.set_password(editors.add(session, f"{role}@desk.example", role, NOW), PASSWORD)
    publication = find(session)
    for number in range(60):
        key = f"reader{number}@example.org"
        asked = ConsentEvent(act=Act.ASKED, way=Way.FORM, at=NOW, origin="203.0.113.0/24")
        status = list(Status)[number % len(Status)]
        tie = Subscription(publication=publication, status=status, created_at=NOW, events=[asked])
        session.add(Subscriber(email=key, key=key, created_at=NOW, subscriptions=[tie]))


def _move_issues(session: Session, house: House) -> None:
    sent = shelf.find(session, houses.OUT[0]).letter
    assert sent
    sent.state, sent.finished_at = LetterState.FINISHED, NOW
    shelf.mark(shelf.find(session, "break-the-circle"), Readiness.READY)
    publishing.schedule_next(session, house.links, shelf.find(session, "five-reasons-weighed"), NOW)
