"""Clicks are counted of links, where a publication wants it, and never of readers."""

import re
import threading
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from newsletter.delivery.models import Letter
from newsletter.delivery.reports import clicks
from newsletter.delivery.reports.clicks import CountedLink
from newsletter.editorial.issues import issue_store
from newsletter.publications import Publication
from newsletter.web.public import clicks as web
from newsletter.web.public.clicks import ClickBuffer
from newsletter.wiring import Services
from newsletter.workflows import prepare_issue, publish
from tests import sample_services
from tests.sample_services import BASE_URL, WAITING

COUNTED = re.compile(rf'href="{BASE_URL}/c/([A-Za-z0-9_-]+)"')
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"


@pytest.fixture
def counting(stocked: Services, now: datetime) -> Letter:
    """A scheduled issue of a publication that counts clicks."""
    with stocked.sessions.begin() as session:
        session.execute(update(Publication).values(counts_clicks=True))
    return schedule(stocked, now)


def schedule(services: Services, now: datetime) -> Letter:
    with services.sessions.begin() as session:
        issue = issue_store.find(session, WAITING)
        letter = publish.schedule(session, services.letters, issue, now + timedelta(days=1), now)
        assert letter.text
        return letter


def followed(services: Services) -> dict[int, int]:
    with services.sessions.reading() as session:
        links = session.scalars(select(CountedLink)).all()
        return {link.number: link.clicks for link in links if link.clicks}


def person(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_USER_AGENT"] = CHROME
    return client


def test_nothing_is_counted_unless_a_publication_wants_it(stocked: Services, now: datetime) -> None:
    letter = schedule(stocked, now)
    assert "/c/" not in letter.html
    with stocked.sessions.reading() as session:
        assert clicks.counted_links(session, letter.id) == []


def test_the_links_of_a_letter_lead_through_our_own_and_its_text_does_not(counting: Letter, services: Services) -> None:
    tokens = COUNTED.findall(counting.html)
    with services.sessions.reading() as session:
        links = clicks.counted_links(session, counting.id)
    assert len(links) > 1
    assert {services.links.open_click(token) for token in tokens} == {(counting.id, link.number) for link in links}
    assert len({link.url for link in links}) == len(links)
    assert not any("&amp;" in link.url or link.url.startswith(BASE_URL) for link in links)
    assert all(link.url in counting.text for link in links)
    assert "/c/" not in counting.text


@pytest.mark.parametrize("kept", ["{{ unsubscribe_url }}", "{{ preferences_url }}"])
def test_what_is_a_readers_own_or_ours_is_not_counted(counting: Letter, kept: str) -> None:
    assert f'href="{kept}"' in counting.html
    assert not re.search(r'href="https?://(?!letters\.example\.org)', counting.html)
    assert re.search(r'href="({{ archive_url }}|https://letters\.example\.org/)', counting.html)


@pytest.mark.parametrize(
    ("anchor", "is_counted"),
    [
        ('<a class="button" href="https://else.example/?a=1&amp;b=2">', True),
        ('<A HREF="http://else.example/">', True),
        ('<a href="mailto:ada@reader.example">', False),
        ('<a href="tel:+48123456789">', False),
        ('<a href="https://else.example/?to={{ email }}">', False),
        ('<a href="https://letters.example.org/archive/">', False),
        ('<a href="https://letters.example.org.evil.example/">', True),
        ('<a href="https://else.example/&#10;Set-Cookie: a">', False),
        ('<a href="javascript:alert(1)">', False),
        ('<img src="https://else.example/picture.png">', False),
    ],
)
def test_only_outside_addresses_are_counted(
    counting: Letter, services: Services, anchor: str, is_counted: bool
) -> None:
    with services.sessions.begin() as session:
        session.execute(CountedLink.__table__.delete())
        letter = session.get_one(Letter, counting.id)
        letter.html = anchor
        clicks.track_links(session, letter, services.links)
        session.flush()
        assert len(clicks.counted_links(session, counting.id)) == is_counted
        assert (letter.html == anchor) is not is_counted


def test_a_counted_link_leads_on_and_is_counted_of_nobody(counting: Letter, services: Services, app: Flask) -> None:
    client, path = person(app), sample_services.path_of(services.links.click(counting.id, 1))
    before = sample_services.dump(services)
    answers = [client.get(path) for _ in range(3)]
    assert sample_services.dump(services) == before, "the request itself writes nothing"
    with services.sessions.reading() as session:
        assert {answer.location for answer in answers} == {clicks.target(session, counting.id, 1)}
    assert {answer.status_code for answer in answers} == {302}
    assert "Set-Cookie" not in answers[0].headers
    assert answers[0].headers["Referrer-Policy"] == "no-referrer"
    assert answers[0].headers["Cache-Control"] == "no-store"
    web.flush_clicks(app)
    assert followed(services) == {1: 3}
    web.flush_clicks(app)
    assert followed(services) == {1: 3}


def test_a_robot_a_look_and_a_preview_are_led_on_and_not_counted(
    counting: Letter, services: Services, app: Flask
) -> None:
    path = sample_services.path_of(services.links.click(counting.id, 1))
    client = person(app)
    robots = ["", "curl/8.5", "Slackbot-LinkExpanding 1.0", "GoogleImageProxy", "Mozilla/5.0 (compatible; Bingbot/2.0)"]
    answers = [client.get(path, headers={"User-Agent": robot}) for robot in robots]
    answers += [client.head(path), client.get(f"{path}?look"), client.get(path, headers={"Sec-Purpose": "prefetch"})]
    assert {answer.status_code for answer in answers} == {302}
    web.flush_clicks(app)
    assert followed(services) == {}


@pytest.mark.parametrize("token", ["x", "../../etc", "A" * 43, "%00", "https://evil.example/"])
def test_a_token_that_we_did_not_make_leads_nowhere(
    counting: Letter, services: Services, app: Flask, token: str
) -> None:
    answer = person(app).get(f"/c/{token}?url=https://evil.example/&next=//evil.example")
    assert answer.status_code == 404
    assert "evil" not in answer.text
    other = services.links.unsubscribe(counting.id, 1).rpartition("/")[2]
    assert person(app).get(f"/c/{other}").status_code == 404
    assert person(app).get(sample_services.path_of(services.links.click(counting.id, 999))).status_code == 404


def test_a_preview_and_a_test_lead_on_without_counting(counting: Letter, services: Services) -> None:
    html = clicks.without_tracking(counting.html, services.links)
    assert not COUNTED.search(html)
    assert html.count("?look") == len(COUNTED.findall(counting.html))


@pytest.mark.parametrize("away", [OperationalError("", None, Exception()), PoolTimeout()])
def test_what_cannot_be_written_is_written_later(counting: Letter, services: Services, monkeypatch, away) -> None:
    def fail(*_: object) -> None:
        raise away

    gathered = ClickBuffer(services.sessions)
    gathered.note(counting.id, 1)
    with monkeypatch.context() as broken:
        broken.setattr(clicks, "add_clicks", fail)
        gathered.write()
    gathered.note(counting.id, 1)
    gathered.write()
    assert followed(services) == {1: 2}


def test_many_at_once_lose_no_click(counting: Letter, services: Services) -> None:
    gathered = ClickBuffer(services.sessions)
    people = [threading.Thread(target=lambda: [gathered.note(counting.id, 1) for _ in range(200)]) for _ in range(5)]
    for each in people:
        each.start()
    for each in people:
        gathered.write()
        each.join()
    gathered.write()
    assert followed(services) == {1: 1_000}


def test_a_scheduled_letter_keeps_the_hash_of_what_was_approved(counting: Letter, services: Services) -> None:
    with services.sessions.reading() as session:
        issue = issue_store.find(session, WAITING)
        plain = prepare_issue.prepare(issue, services.links).mail
    assert counting.content_hash == plain.content_hash
