"""A page is in its publication's language, or in the one that its reader chose; in the browser's only after a fault."""

import re
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter import publications
from newsletter.audience import signup_limits
from newsletter.audience.models import Subscription
from newsletter.audience.refusals import FormKind
from newsletter.audience.signup_limits import TooManyRequests
from newsletter.db import DatabaseDown, Sessions
from newsletter.editorial.rendering import render
from newsletter.i18n.messages import translate
from newsletter.wiring import Services, open_services
from tests import sample_services
from tests.web.conftest import subscription


@pytest.fixture
def link(reader: Subscription, services: Services, now: datetime) -> str:
    return sample_services.path_of(services.links.manage(reader.id, now))


def speak(services: Services, language: str) -> None:
    with services.sessions.begin() as session:
        home = publications.first(session)
        assert home
        home.language = language


def test_a_reader_chooses_the_language_of_their_pages_and_of_nobody_elses(browser: FlaskClient, link: str) -> None:
    answer = browser.post(link, data={"do": "language", "language": "pl"})
    page = browser.get(answer.headers["Location"])
    assert '<html lang="pl" dir="ltr">' in page.text
    assert "Twoje ustawienia" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert '<html lang="en" dir="ltr">' in browser.get("/archive/").text
    browser.post(link, data={"do": "language", "language": ""})
    assert '<html lang="en" dir="ltr">' in browser.get(link).text


def test_an_unknown_language_is_refused_in_words_and_nothing_changes(
    browser: FlaskClient, link: str, services: Services
) -> None:
    before = sample_services.dump(services)
    answer = browser.post(link, data={"do": "language", "language": "xx"})
    assert answer.status_code == 422
    assert "Please choose one of the languages in the list." in answer.text
    assert sample_services.dump(services) == before


def test_a_refusal_behind_a_readers_link_is_in_the_language_of_that_reader(
    browser: FlaskClient, link: str, reader: Subscription, services: Services
) -> None:
    browser.post(link, data={"do": "language", "language": "es"})
    browser.post(sample_services.path_of(services.links.unsubscribe(reader.id)))
    refused = browser.post(link, data={"do": "topics"})
    assert refused.status_code == 409
    assert '<html lang="es" dir="ltr">' in refused.text
    assert "Mientras tanto, algo ha cambiado" in refused.text
    assert '<html lang="en" dir="ltr">' in browser.get(f"{link[:-6]}AAAAAA").text


def test_a_client_over_its_limit_is_told_so_in_the_language_of_the_page(services: Services, now: datetime) -> None:
    counted = services.audience, "198.51.100.7", now, FormKind.HELPED
    with services.sessions.begin() as session:
        for _ in range(services.audience.caps.client):
            signup_limits.count_client(session, *counted)
        with pytest.raises(TooManyRequests) as refused:
            signup_limits.count_client(session, *counted)
    assert translate(str(refused.value), "de").startswith("Sie haben es in kurzer Zeit zu oft versucht")


def test_a_letter_to_one_reader_is_in_their_language(browser: FlaskClient, link: str, services: Services) -> None:
    browser.post(link, data={"do": "language", "language": "de"})
    browser.post(link, data={"do": "link"})
    mail = sample_services.letters(services)[-1]
    assert (mail["kind"], mail["language"]) == ("link", "de")


def test_letters_to_the_team_are_in_english_and_others_in_the_readers_language(
    services: Services, database_url: str
) -> None:
    speak(services, "pl")
    wired = open_services(services.settings.model_copy(update={"database_url": database_url}))
    with services.sessions.reading() as session:
        home = publications.first(session)
    assert home
    mails = {
        (kind, language): wired.audience.compose(kind, home, dict.fromkeys(render.FIELDS[kind], ""), language)
        for kind, language in (("reset", None), ("link", None), ("link", "de"), ("link", "xx"))
    }
    wired.close()
    assert {asked: re.findall(r'lang="(..)" dir="ltr"', mail.html)[0] for asked, mail in mails.items()} == {
        ("reset", None): "en",
        ("link", None): "pl",
        ("link", "de"): "de",
        ("link", "xx"): "pl",
    }
    assert mails["link", "de"].subject == "Ihr Link zu BackPainHelp"


@pytest.mark.usefixtures("stocked")
def test_a_guest_gets_the_language_of_the_publication_whatever_the_browser_asks_for(
    browser: FlaskClient, services: Services
) -> None:
    speak(services, "de")
    for path in ("/", "/archive/", "/subscribe", "/privacy"):
        asked = browser.get(path, headers={"Accept-Language": "pl"})
        assert '<html lang="de" dir="ltr">' in asked.text
        assert "Alle Ausgaben" in asked.text
        assert "Accept-Language" not in asked.headers.get("Vary", "")


def test_a_language_without_a_catalogue_loses_nothing(browser: FlaskClient, services: Services) -> None:
    speak(services, "xx")
    page = browser.get("/subscribe").text
    assert '<html lang="xx" dir="ltr">' in page
    assert "every Tuesday" in page


def test_the_record_of_consent_keeps_the_words_in_the_language_they_were_shown_in(
    browser: FlaskClient, services: Services
) -> None:
    speak(services, "de")
    browser.post("/subscribe", data={"email": "eva@example.org"})
    with services.sessions.reading() as session:
        asked = session.get_one(Subscription, subscription(services).id).events[0]
        wording = asked.wording
    assert wording
    assert wording.text in browser.get("/subscribe").text
    assert "jeden Dienstag" in wording.text


def test_a_fault_is_told_in_the_language_that_the_publication_was_last_shown_in(
    browser: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(services, "de")
    assert browser.get("/archive/").status_code == 200
    break_database(monkeypatch)
    for path in ("/", "/archive/", "/subscribe?publication=nothing"):
        answer = browser.get(path, headers={"Accept-Language": "pl"})
        assert (answer.status_code, '<html lang="de" dir="ltr">' in answer.text) == (503, True), path
        assert "Datenbank" in answer.text
        assert "try again" not in answer.text
    at_the_desk = browser.post("/desk/sign-in", data={"email": "ann@press.example"})
    assert (at_the_desk.status_code, '<html lang="en">' in at_the_desk.text) == (503, True)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("pl-PL,pl;q=0.9", "pl"), ("fr, es;q=0.5", "es"), ("xx", "en"), ("", "en"), (";;q=x", "en")],
)
def test_a_fault_of_a_process_that_has_shown_nothing_is_told_in_the_browsers_language(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch, accepted: str, language: str
) -> None:
    break_database(monkeypatch)
    answer = browser.get("/", headers={"Accept-Language": accepted})
    assert (answer.status_code, f'<html lang="{language}" dir="ltr">' in answer.text) == (503, True)


def test_a_fault_in_what_the_page_of_a_fault_is_made_of_is_told_all_the_same(
    browser: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_anything: object) -> None:
        raise RuntimeError

    monkeypatch.setitem(app.jinja_env.globals, "asset", fail)
    answer = browser.get("/")
    assert answer.status_code == 500
    assert "<h1>Something broke on our side</h1>" in answer.text


def break_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_anything: object) -> None:
        raise DatabaseDown("SELECT 1", {}, ConnectionError("no route"))

    for name in ("reading", "begin"):
        monkeypatch.setattr(Sessions, name, fail)
