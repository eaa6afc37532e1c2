"""A reader sees, by a fresh link only, which issues were sent to them and what became of each."""

from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter.audience.models import Subscription
from newsletter.delivery.ledger.outcomes import ABOUT_US
from newsletter.delivery.models import Copy, CopyNote, CopyState, Note
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import Clock
from tests.web.desk.visits import words


@pytest.fixture
def page(reader: Subscription, services: Services, clock: Clock) -> str:
    sample_services.send(services, "backpainhelp", "plain", clock())
    return f"{sample_services.path_of(services.links.manage(reader.id, clock()))}/sent"


def put(services: Services, note: Note | None = None, **values: object) -> None:
    """Let that become of the only copy."""
    with services.sessions.begin() as session:
        copy = session.scalars(select(Copy)).one()
        for name, value in values.items():
            setattr(copy, name, value)
        if note:
            session.add(CopyNote(copy_id=copy.id, kind=note, at=sample_services.NOW, detail="550 no"))


FATES: list[tuple[Mapping[str, object], str]] = [
    ({}, "It is waiting for its turn."),
    ({"attempts": 2}, "asked us to try again later"),
    ({"state": CopyState.SENDING}, "It is being sent right now."),
    ({"state": CopyState.SENT}, "Your mail server accepted it."),
    ({"state": CopyState.IN_DOUBT}, "We do not know whether it arrived"),
    ({"state": CopyState.REFUSED, "reason": ABOUT_US}, "has to do with us, not with you"),
    ({"state": CopyState.REFUSED, "reason": None, "reply": "5.1.1 <secret>"}, "Your mail server refused it."),
    ({"state": CopyState.FAILED, "reason": "gave up"}, "we gave up trying"),
    ({"state": CopyState.SKIPPED, "reason": "paused"}, "because you were taking a break"),
    ({"state": CopyState.SKIPPED, "reason": "unsubscribed"}, "because you had unsubscribed"),
    ({"state": CopyState.SKIPPED, "reason": "cancelled"}, "because we stopped sending it"),
    ({"state": CopyState.SKIPPED, "reason": "suppressed"}, "no mail may go to your address"),
    # What was heard of it later stays with it.
    ({"state": CopyState.SENT, "note": Note.COMPLAINED}, "your mail program reported it as spam"),
    ({"state": CopyState.SENT, "note": Note.BOUNCED}, "accepted it, but sent it back later"),
]


def test_each_copy_is_told_in_plain_words(browser: FlaskClient, page: str, services: Services) -> None:
    for values, said in FATES:
        put(services, **values)
        shown = words(browser.get(page))
        assert "The subject of plain" in shown
        assert said in shown
        assert "secret" not in shown


def test_the_list_has_pages(
    browser: FlaskClient, page: str, services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.web.public.preferences._ISSUES_PER_PAGE", 1)
    sample_services.send(services, "backpainhelp", "second", clock())
    newest = browser.get(page)
    assert "The subject of second" in newest.text
    assert "The subject of plain" not in newest.text
    assert "The subject of plain" in browser.get(f"{page}?before=2").text
    for odd in ("before=-1", "after=x", "before=99999999999999999999999"):
        assert browser.get(f"{page}?{odd}").text == newest.text


def test_only_a_fresh_link_shows_it(
    browser: FlaskClient, page: str, reader: Subscription, services: Services, clock: Clock
) -> None:
    in_a_letter = sample_services.path_of(services.links.preferences(reader.id))
    assert browser.get(f"{in_a_letter}/sent").status_code == 403
    assert browser.get(page).headers["Cache-Control"] == "no-store"
    clock.turn(minutes=61)
    assert browser.get(page).status_code == 403
