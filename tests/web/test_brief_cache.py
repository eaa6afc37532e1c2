"""What many sign-ups read at once is read by one of them for all, and is a moment old at most."""

from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from newsletter import publications
from newsletter.audience.models import ConsentEvent, SignupCount, Wording
from newsletter.publications import wordings
from newsletter.publications.wordings import WordingKind
from newsletter.web.public import brief_cache
from newsletter.web.public.brief_cache import KEPT, LONGEST, MOST_VALUES, BriefCache
from newsletter.wiring import Services
from tests.web.conftest import Seconds


@pytest.fixture
def cache(seconds: Seconds) -> BriefCache:
    return BriefCache(seconds)


@pytest.fixture
def app(app: Flask, cache: BriefCache) -> Flask:
    brief_cache.init_app(app, cache)
    return app


def _fail() -> str:
    raise LookupError


def test_a_value_is_read_again_after_a_moment(cache: BriefCache, seconds: Seconds) -> None:
    assert cache.get("key", lambda: "old") == "old"
    seconds.now = KEPT * 0.9
    assert cache.get("key", lambda: "new") == "old"
    assert cache.get("other", lambda: "new") == "new"
    seconds.now = KEPT
    assert cache.get("key", lambda: "new") == "new"


def test_one_reads_again_while_the_others_get_the_old_value_but_not_for_long(
    cache: BriefCache, seconds: Seconds
) -> None:
    cache.get("key", lambda: "old")
    seconds.now = KEPT

    def read_meanwhile() -> str:
        assert cache.get("key", lambda: "newer") == "old"
        seconds.now = LONGEST
        assert cache.get("key", lambda: "newer") == "newer"
        return "new"

    assert cache.get("key", read_meanwhile) == "new"


def test_a_failure_is_kept_for_nobody(cache: BriefCache, seconds: Seconds) -> None:
    with pytest.raises(LookupError):
        cache.get("key", _fail)
    assert cache.get("key", lambda: "old") == "old"
    seconds.now = LONGEST
    with pytest.raises(LookupError):
        cache.get("key", _fail)
    assert cache.get("key", lambda: "new") == "new"


def test_keys_that_visitors_invent_do_not_fill_the_memory(cache: BriefCache) -> None:
    for number in range(3 * MOST_VALUES):
        cache.get(number, lambda: "value")
    assert len(cache._kept) <= MOST_VALUES


def test_sign_ups_of_one_moment_look_their_publication_up_once(browser: FlaskClient, services: Services) -> None:
    looked_up: list[None] = []
    event.listen(services.sessions.reading_engine, "begin", lambda _connection: looked_up.append(None))
    for name in ("ada", "ben", "eve"):
        browser.post("/subscribe", data={"email": f"{name}@example.org"})
    assert len(looked_up) == 1


def test_each_sign_up_is_recorded_with_the_words_that_its_own_form_showed(
    browser: FlaskClient, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        publication = publications.first(session)
        for seen, words in enumerate(("Once a week", "Twice a week")):
            wordings.keep(session, publication, WordingKind.SIGN_UP, words, seen, "me@example.org", now)
    for agreed in ("1", "2", "1"):
        browser.post("/subscribe", data={"email": "ada@example.org", "agreed": agreed})
    shown = select(Wording.text).join(ConsentEvent, ConsentEvent.wording_id == Wording.id).order_by(ConsentEvent.id)
    with services.sessions.reading() as session:
        assert session.scalars(shown).all() == ["Once a week", "Twice a week", "Once a week"]


def test_a_rush_makes_people_wait_a_moment_after_it_began(
    browser: FlaskClient, services: Services, now: datetime, seconds: Seconds
) -> None:
    browser.post("/subscribe", data={"email": "ada@example.org"})
    with services.sessions.begin() as session:
        session.add(SignupCount(bucket="press:a", window=int(now.timestamp()) // 3600, hits=30))
    seconds.now = KEPT
    assert "Please wait 30 seconds" in browser.post("/subscribe", data={"email": "ben@example.org"}).text
