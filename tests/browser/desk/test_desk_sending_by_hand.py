"""An issue goes out to five hundred readers through a real mail server, and a person watches, holds and reads it."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update
from waitress import create_server

from newsletter import editors, publications
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Session, Sessions
from newsletter.delivery import ledger
from newsletter.delivery.bulk.sender import BulkSender
from newsletter.delivery.bulk.settings import BulkSettings
from newsletter.delivery.models import Copy, CopyState, LetterState
from newsletter.delivery.rate_limit.limits import Limits
from newsletter.delivery.workers import heartbeat
from newsletter.editorial.issues import issue_store
from newsletter.editors import Role
from newsletter.system import waitress_stop
from newsletter.web import create_app
from newsletter.web.desk import streams
from newsletter.wiring import Services
from tests import sample_services
from tests.browser import keyboard
from tests.browser.desk.writing import until
from tests.delivery.peers import Peer
from tests.real_parts import Axe
from tests.torture.sink import Tally, counting
from tests.web.desk.visits import PASSWORD

# On the other database a whole week is lived by test_a_week_at_the_desk.
pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]

READERS = 500
HOSTILE = '550 5.7.1 <script>document.title = "taken over"</script> <b>bold</b> ' + "long" * 90
PAGE = f"/desk/issues/{sample_services.WAITING}/"
REPORT = f"/desk/reports/{sample_services.WAITING}/"
Work = Callable[[], None]
_REMEMBER_WHAT_IS_SHOWN = """() => {
    window.shown = [];
    const going = document.getElementById("going");
    const seen = new MutationObserver(() => shown.push(going.textContent.replace(/\\s+/g, " ")));
    seen.observe(going, { childList: true, subtree: true, characterData: true });
}"""
_KEEP_DRAWN_TEXTS = """
    window.drawn = [];
    const fillText = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
        drawn.push(text);
        fillText.call(this, text, ...place);
    };
"""


@pytest.fixture
def gate() -> threading.Event:
    """The server answers nobody after the first sixty until it is set."""
    return threading.Event()


@pytest.fixture
def tally(gate: threading.Event) -> Tally:
    """A server that knows all but two readers."""
    strict = {"reader7@firm7.example", "reader8@firm8.example"}

    def answer(reader: str) -> str:
        if len(tally.taken) >= 60:
            gate.wait()
        return HOSTILE if reader in strict else "250 2.1.5 Known"

    tally = Tally(answer=answer)
    return tally


@pytest.fixture
def server(tally: Tally) -> Iterator[Peer]:
    with counting(tally) as peer:
        yield peer


@pytest.fixture
def services(sessions: Sessions, tmp_path: Path) -> Services:
    """The shipped issues, one ready for five hundred readers; a rate that the page can show."""
    now = datetime.now(UTC)
    made = sample_services.build(sessions, tmp_path, "http://127.0.0.1", mail_rate=100)
    sample_services.open_publication(made, now)
    with sessions.begin() as session:
        editors.set_password(editors.add(session, "owner@desk.example", Role.OWNER, now), PASSWORD)
        publication = publications.find(session)
        for number in range(READERS):
            key = f"reader{number}@firm{number % 25}.example"
            tie = Subscription(publication=publication, status=Status.ACTIVE, created_at=now)
            session.add(Subscriber(email=key, key=key, name="", created_at=now, subscriptions=[tie]))
    sample_services.stock(made, now)
    with sessions.begin() as session:
        _let_be_over(session, now)
    return made


@pytest.fixture
def desk(services: Services) -> Iterator[str]:
    """The desk, served as it is in earnest."""
    server = create_server(create_app(services), host="127.0.0.1", port=0, threads=8)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    waitress_stop.close_server(server, server._map)
    thread.join()


@pytest.fixture
def page(chrome: Browser, desk: str) -> Iterator[Page]:
    """An owner's browser at the issue."""
    context = chrome.new_context(base_url=desk, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto("/desk/sign-in")
    page.get_by_label("Email address").fill("owner@desk.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/desk/")
    page.goto(PAGE)
    yield page
    context.close()


@pytest.fixture
def rounds() -> list[datetime]:
    """When the worker came to the end of what was due, each time."""
    return []


@pytest.fixture
def press(services: Services, server: Peer, rounds: list[datetime], gate: threading.Event) -> Iterator[Work]:
    """Starts a worker; it ends with the test."""
    settings = BulkSettings(server.server, services.links, Limits.from_settings(services.settings))
    run = BulkSender(services.sessions, settings, worker="w")
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.1):
            with services.sessions.begin() as session:
                heartbeat.beat(session, "w", datetime.now(UTC))
            run.run_once()
            with services.sessions.begin() as session:
                ledger.finish(session, datetime.now(UTC))
            rounds.append(datetime.now(UTC))

    thread = threading.Thread(target=work)
    yield thread.start
    gate.set()
    over.set()
    run.stop()
    if thread.ident is not None:
        thread.join()


def test_an_issue_is_watched_held_and_reported(
    page: Page, press: Work, rounds: list[datetime], tally: Tally, gate: threading.Event, axe: Axe
) -> None:
    streamed: list[str] = []
    page.on("request", lambda request: streamed.append(request.url) if "/events" in request.url else None)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/progress" in request.url else None)
    keyboard.press(page.get_by_role("link", name="Send now"))
    keyboard.press(page.get_by_role("button", name="Send to 500 readers now"))
    copies = page.get_by_role("region", name="Copies")
    expect(copies).to_contain_text("No worker is running")
    page.evaluate(_REMEMBER_WHAT_IS_SHOWN)
    press()
    # For as long as copies go through: ten seconds after the sixtieth it says that none do.
    page.wait_for_function("() => shown.some(text => /[0-9.]+ copies a second\\. .* left/.test(text))")
    expect(copies).to_contain_text(re.compile(r"[1-9][0-9]?%"))
    expect(copies).to_contain_text("550 5.7.1")
    assert streamed
    assert asked == []
    assert axe(page) == []

    keyboard.press(page.get_by_role("button", name="Pause sending"))
    expect(page.get_by_text("It is paused:")).to_be_visible()
    gate.set()
    _wait_for_rounds(page, rounds)
    held = len(tally.taken)
    _wait_for_rounds(page, rounds)
    assert len(tally.taken) == held < READERS

    keyboard.press(page.get_by_role("button", name="Resume sending"))
    expect(page.get_by_text("It went out on")).to_be_visible()
    assert (len(tally.recipients), tally.twice) == (READERS - 2, [])

    page.add_init_script(_KEEP_DRAWN_TEXTS)
    keyboard.press(page.get_by_role("link", name="Full report"))
    expect(page.get_by_role("link", name="Sent: 498")).to_be_visible()
    expect(page.get_by_role("img", name="498 copies from")).to_be_visible()
    assert page.locator(".chart canvas").count() == 1
    hours = [text for text in page.evaluate("drawn") if not text.isdecimal()]
    assert hours
    assert [text for text in hours if not re.fullmatch(r"[0-9]{2}:[0-9]{2}", text)] == []
    numbers = page.get_by_role("region", name="Deliveries over time, in numbers")
    expect(numbers).to_be_hidden()
    keyboard.press(page.get_by_text("Show the numbers", exact=True))
    expect(numbers).to_be_visible()
    assert axe(page) == []

    keyboard.press(page.get_by_role("link", name="Refused by the receiving server: 2"))
    expect(page.get_by_text("reader7@firm7.example")).to_have_count(1)
    expect(page.get_by_text('<script>document.title = "taken over"</script>').first).to_be_visible()
    assert page.title() == "Refused: Looser by degrees · Desk"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_where_no_stream_is_to_be_had_the_page_asks(
    page: Page, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST", 0)
    page.get_by_role("link", name="Send now").click()
    page.get_by_role("button", name="Send to 500 readers now").click()
    copies = page.get_by_role("region", name="Copies")
    expect(copies.get_by_role("link", name="Waiting: 500")).to_be_visible()
    with services.sessions.begin() as session:
        mine = update(Copy).where(Copy.letter_id == issue_store.find(session, sample_services.WAITING).letter_id)
        session.execute(mine.values(state=CopyState.SENT, ended_at=datetime.now(UTC)))
    expect(copies.get_by_role("link", name="Sent: 500")).to_be_visible()
    with services.sessions.begin() as session:
        _let_be_over(session, datetime.now(UTC), sample_services.WAITING)
    expect(page.get_by_text("It went out on")).to_be_visible()


def _wait_for_rounds(page: Page, rounds: list[datetime]) -> None:
    """Until the worker has looked from its beginning for what is due."""
    enough = len(rounds) + 2
    until(page, lambda: len(rounds) >= enough)


def _let_be_over(session: Session, now: datetime, *slugs: str) -> None:
    for slug in slugs or sample_services.OUT:
        letter = issue_store.find(session, slug).letter
        assert letter
        session.execute(update(Copy).where(Copy.letter_id == letter.id).values(state=CopyState.SENT, ended_at=now))
        letter.state, letter.finished_at = LetterState.FINISHED, now + timedelta(seconds=1)
