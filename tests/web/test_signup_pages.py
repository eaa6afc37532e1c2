import re
from dataclasses import replace
from datetime import datetime
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter import publications
from newsletter.audience import confirm_breaker, refusals
from newsletter.audience.confirm_breaker import ConfirmTrip
from newsletter.audience.models import SignupCount, Status, Subscription
from newsletter.audience.refusals import Reason
from newsletter.editorial.issues import issue_store
from newsletter.editorial.schedule import queue
from newsletter.web import create_app, forms
from newsletter.wiring import Services
from newsletter.workflows import issue_readiness
from tests import sample_services
from tests.sample_services import Clock
from tests.web.conftest import browser_of, shown, subscription, with_patient_clients
from tests.web.desk.visits import hidden
from tests.web.proofs import solve, written

ADA = {"email": "ada@example.org", "name": "Ada"}


def test_the_home_page_says_what_the_letter_is_and_on_which_day_it_comes(browser: FlaskClient) -> None:
    page = browser.get("/").text
    assert "One calm letter a week about backs, massage and moving well" in page
    assert "A newsletter every Tuesday" in page


@pytest.mark.usefixtures("stocked")
def test_a_date_is_promised_only_if_an_issue_is_waiting_to_fill_it(
    browser: FlaskClient, services: Services, now: datetime
) -> None:
    assert "<dt>Next issue</dt>" not in browser.get("/").text
    with services.sessions.begin() as session:
        issue = issue_store.find(session, sample_services.WAITING)
        issue_readiness.mark_ready(session, issue, services.links)
        queue.add(session, issue, now)
    assert "Tuesday 24 November 2026 at 09:00 (Europe/Warsaw)" in browser.get("/").text
    with services.sessions.begin() as session:
        issue_store.find(session, sample_services.WAITING).publication.requires_approval = True
    assert "<dt>Next issue</dt>" not in browser.get("/").text


@pytest.mark.usefixtures("stocked")
def test_the_home_page_shows_published_issues_only(browser: FlaskClient) -> None:
    page = browser.get("/").text
    assert all(f"/archive/{slug}/" in page for slug in sample_services.OUT)
    assert sample_services.WAITING not in page


@pytest.mark.usefixtures("stocked")
def test_the_home_page_promises_sources_only_where_the_latest_issue_has_them(
    browser: FlaskClient, services: Services, now: datetime
) -> None:
    assert " minutes, on a phone too, with every source linked</dd>" in browser.get("/").text
    sample_services.send(services, "backpainhelp", "plain", now)
    assert "about 1 minute, on a phone too</dd>" in browser.get("/").text


def test_a_sign_up_sends_one_confirm_letter_and_makes_nobody_a_reader(browser: FlaskClient, services: Services) -> None:
    answer = browser.post("/subscribe", data=ADA)
    assert answer.status_code == 200
    assert "Check your email" in answer.text
    assert [(letter["kind"], letter["address"]) for letter in sample_services.letters(services)] == [
        ("confirm", ADA["email"])
    ]
    assert subscription(services).status is Status.PENDING


def test_the_answer_names_the_publication_as_it_is_now_and_in_its_language(
    browser: FlaskClient, services: Services
) -> None:
    assert "It comes from <strong>BackPainHelp</strong>" in browser.post("/subscribe", data=ADA).text
    with services.sessions.begin() as session:
        publications.find(session).sender_name = "Your back & you"
    assert "It comes from <strong>Your back &amp; you</strong>" in browser.post("/subscribe", data=ADA).text
    with services.sessions.begin() as session:
        publications.find(session).language = "de"
    answer = browser.post("/subscribe", data=ADA).text
    assert '<html lang="de"' in answer
    assert "It comes from" not in answer


def test_the_consent_record_keeps_the_very_words_of_the_page(browser: FlaskClient, services: Services) -> None:
    page = browser.get("/").text
    browser.post("/subscribe", data=ADA)
    with services.sessions.reading() as session:
        asked = session.get_one(Subscription, subscription(services).id).events[0]
        assert asked.wording is not None
        assert asked.wording.text in page


@pytest.mark.usefixtures("reader")
def test_the_answer_is_the_same_for_a_new_a_known_and_a_capped_address(browser: FlaskClient) -> None:
    known = browser.post("/subscribe", data=ADA).data
    new = [browser.post("/subscribe", data={"email": "new@example.org"}).data for _ in range(5)]
    assert set(new) == {known}


@pytest.mark.usefixtures("reader")
def test_a_known_reader_is_told_so_and_gets_no_second_confirm_letter(browser: FlaskClient, services: Services) -> None:
    browser.post("/subscribe", data=ADA)
    assert [letter["kind"] for letter in sample_services.letters(services)] == ["confirm", "welcome", "already"]


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@example", "ada@@example.org", "a b@example.org", "x" * 300 + "@a.org", "a\0@b.org"]
)
def test_a_malformed_address_comes_back_with_a_sentence_beside_the_field(
    browser: FlaskClient, services: Services, email: str
) -> None:
    answer = browser.post("/subscribe", data={"email": email, "name": "Ada Kept"})
    assert answer.status_code == 422
    assert re.search(r'id="email-fault">Please give an address', answer.text)
    assert 'value="Ada Kept"' in answer.text
    assert sample_services.letters(services) == []


@pytest.mark.parametrize("name", ["Ada\r\nBcc: everybody@example.org", "Ada\0", "x" * 101, "\u202eadA"])
def test_a_name_that_could_do_harm_is_refused_beside_its_field(
    browser: FlaskClient, services: Services, name: str
) -> None:
    answer = browser.post("/subscribe", data={"email": "ada@example.org", "name": name})
    assert answer.status_code == 422
    assert 'id="name-fault"' in answer.text
    assert 'value="ada@example.org"' in answer.text
    assert sample_services.letters(services) == []


def test_markup_in_a_name_is_printed_and_not_obeyed(browser: FlaskClient) -> None:
    probe = '"><script>alert(1)</script>'
    page = browser.post("/subscribe", data={"email": probe, "name": probe}).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_a_robot_in_the_trap_gets_the_same_page_and_leaves_nothing(browser: FlaskClient, services: Services) -> None:
    person = browser.post("/subscribe", data=ADA).data
    before = sample_services.dump(services)
    robot = browser.post("/subscribe", data={"email": "robot@example.org", "message": "Buy this"})
    assert robot.data == person
    after = sample_services.dump(services)
    after["signup_counts"] = [row for row in after["signup_counts"] if "'refused:trap'" not in row]
    assert after == before


def test_a_program_without_a_token_changes_nothing_and_loses_nothing(program: FlaskClient, services: Services) -> None:
    answer = program.post("/subscribe", data=ADA)
    assert answer.status_code == 400
    assert "click the button again" in answer.text
    assert 'value="ada@example.org"' in answer.text
    assert sample_services.letters(services) == []


def test_the_token_of_the_form_is_enough_where_the_browser_vouches_for_nothing(app, services: Services) -> None:
    old_browser = app.test_client()
    token = re.search(
        r'name="csrf_token" value="([^"]+)"', old_browser.get("/subscribe", base_url=sample_services.BASE_URL).text
    )[1]
    answer = old_browser.post("/subscribe", data=ADA | {"csrf_token": token}, base_url=sample_services.BASE_URL)
    assert answer.status_code == 200
    assert len(sample_services.letters(services)) == 1


def test_a_form_on_another_site_is_refused(program: FlaskClient, services: Services) -> None:
    answer = program.post("/subscribe", data=ADA, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 400
    assert sample_services.letters(services) == []


def test_a_client_that_asks_too_often_is_told_to_wait_and_keeps_what_it_typed(browser: FlaskClient) -> None:
    answers = [browser.post("/subscribe", data={"email": f"reader{n}@example.org"}) for n in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert answers[-1].headers["Retry-After"] == "3600"
    assert 'value="reader20@example.org"' in answers[-1].text


def test_an_unknown_publication_is_a_page_that_is_not_there(browser: FlaskClient) -> None:
    assert browser.get("/subscribe?publication=nothing").status_code == 404
    assert browser.post("/subscribe", data=ADA | {"publication": "nothing\0"}).status_code == 404


def test_a_strange_form_for_an_unknown_publication_is_answered_calmly(program: FlaskClient) -> None:
    assert program.post("/subscribe", data=ADA | {"publication": "nothing"}).status_code == 404


def test_a_second_publication_has_its_own_form(browser: FlaskClient, services: Services, now) -> None:
    sample_services.open_another_publication(services, now)
    assert "The Other Letter" in browser.get("/subscribe?publication=other").text
    browser.post("/subscribe", data=ADA | {"publication": "other"})
    assert subscription(services).publication.slug == "other"


@pytest.mark.parametrize("strange", ["a\0b", "9" * 30, "\ud800", "-1"])
@pytest.mark.parametrize("path", ["/", "/subscribe", "/archive/", "/feed.xml", "/sitemap.xml"])
def test_no_parameter_of_a_readers_page_is_more_than_it_can_take(browser: FlaskClient, path: str, strange: str) -> None:
    for name in ("publication", "category", "page"):
        asked = {name: strange.encode("utf-8", "surrogatepass")}
        assert browser.get(path, query_string=asked).status_code < 500


def test_no_field_of_a_readers_form_is_more_than_it_can_take(
    browser: FlaskClient, services: Services, reader: Subscription
) -> None:
    leave = sample_services.path_of(services.links.unsubscribe(reader.id))
    for path in (
        "/subscribe",
        "/link",
        sample_services.path_of(services.links.preferences(reader.id)),
        leave,
        f"{leave}/reason",
    ):
        typed = dict.fromkeys(("email", "name", "publication", "do", "reason", "List-Unsubscribe"), "a\0b")
        assert browser.post(path, data=typed).status_code < 500


@pytest.mark.parametrize("seconds", [0, 1.9, -5, 31 * 86_400])
def test_a_form_that_is_sent_too_soon_is_shown_again_with_what_was_typed(
    browser: FlaskClient, services: Services, app: Flask, seconds: float
) -> None:
    answer = browser.post("/subscribe", data=ADA | {forms.SHOWN: shown(app, seconds)})
    assert answer.status_code == 400
    assert "click the button again" in answer.text
    assert 'value="ada@example.org"' in answer.text
    assert 'value="Ada"' in answer.text
    assert sample_services.letters(services) == []


@pytest.mark.parametrize("proof", ["", "forged", "0", "a\0b"])
def test_a_form_without_a_proof_of_its_time_is_shown_again(
    browser: FlaskClient, services: Services, proof: str
) -> None:
    answer = browser.post("/subscribe", data=ADA | {forms.SHOWN: proof})
    assert (answer.status_code, 'value="ada@example.org"' in answer.text) == (400, True)
    assert sample_services.letters(services) == []


@pytest.mark.parametrize("path", ["/", "/subscribe", "/archive/unwind-a-tight-back/"])
@pytest.mark.usefixtures("stocked")
def test_every_form_proves_when_it_was_shown_even_days_later(
    browser: FlaskClient, services: Services, clock: Clock, path: str
) -> None:
    form = hidden(browser.get(path).text, "/subscribe")
    assert browser.post("/subscribe", data=form | ADA).status_code == 400
    for seconds in (2, 29 * 86_400):
        clock.turn(seconds=seconds)
        answer = browser.post("/subscribe", data=form | {"email": f"ada{seconds}@example.org"})
        assert (answer.status_code, len(sample_services.letters(services)) > 0) == (200, True)


def test_the_form_that_is_shown_again_can_be_sent(browser: FlaskClient, services: Services, clock: Clock) -> None:
    again = browser.post("/subscribe", data=ADA | {forms.SHOWN: ""}).text
    clock.turn(seconds=3)
    assert browser.post("/subscribe", data=hidden(again, "/subscribe") | ADA).status_code == 200
    assert [letter["email"] for letter in sample_services.letters(services)] == ["ada@example.org"]


@pytest.mark.usefixtures("stocked")
def test_a_page_that_anyone_may_keep_is_the_same_page_a_minute_later(browser: FlaskClient, clock: Clock) -> None:
    first = browser.get("/archive/unwind-a-tight-back/")
    clock.turn(minutes=1)
    again = browser.get("/archive/unwind-a-tight-back/", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_a_typing_error_is_asked_about_before_anything_is_mailed(browser: FlaskClient, services: Services) -> None:
    page = browser.post("/subscribe", data=ADA | {"email": "ada@gmial.com"})
    assert page.status_code == 200
    assert "Did you mean ada@gmail.com?" in page.text
    assert sample_services.letters(services) == []
    kept = hidden(page.text, "/subscribe")
    browser.post("/subscribe", data=ADA | kept | {"email": "ada@gmail.com"})
    browser.post("/subscribe", data=ADA | kept | {"email": "ada@gmial.com"})
    assert [letter["address"] for letter in sample_services.letters(services)] == ["ada@gmail.com", "ada@gmial.com"]


@pytest.fixture
def busy(services: Services, now: datetime) -> Services:
    """With far more sign-ups in this hour than usual."""
    with services.sessions.begin() as session:
        session.add(SignupCount(bucket="press:a", window=int(now.timestamp()) // 3600, hits=30))
    return services


def test_while_many_sign_up_one_has_to_wait(browser: FlaskClient, busy: Services, clock: Clock) -> None:
    page = browser.post("/subscribe", data=ADA)
    assert "Please wait 30 seconds" in page.text
    again = ADA | hidden(page.text, "/subscribe")
    clock.turn(seconds=20)
    page = browser.post("/subscribe", data=again)
    assert "a little too soon" in page.text
    assert hidden(page.text, "/subscribe")["waited"] == again["waited"]
    assert sample_services.letters(busy) == []
    clock.turn(seconds=10)
    assert "Please wait" in browser.post("/subscribe", data=again | {"email": "ben@example.org"}).text
    assert "Please wait" in browser.post("/subscribe", data=again | {"waited": "forged"}).text
    assert "Check your email" in browser.post("/subscribe", data=again).text
    assert [letter["address"] for letter in sample_services.letters(busy)] == ["ada@example.org"]
    clock.turn(minutes=31)
    assert "Please wait" in browser.post("/subscribe", data=again).text


def test_a_browser_that_proves_its_work_need_not_wait_and_its_proof_counts_once(
    browser: FlaskClient, busy: Services, clock: Clock
) -> None:
    page = browser.post("/subscribe", data=ADA)
    assert "worker-src 'self'" in page.headers["Content-Security-Policy"]
    proved = ADA | hidden(page.text, "/subscribe") | {"proof": proof_for(page.text)}
    assert "Please wait" in browser.post("/subscribe", data=proved | {"email": "ben@example.org"}).text
    assert "Check your email" in browser.post("/subscribe", data=proved).text
    assert [letter["address"] for letter in sample_services.letters(busy)] == ["ada@example.org"]
    clock.turn(seconds=6)
    again = browser.post("/subscribe", data=proved)
    assert "We could not accept your browser’s proof" in again.text
    assert "data-challenge" not in again.text
    clock.turn(seconds=6)
    false = browser.post("/subscribe", data=proved | {"proof": "false"})
    assert hidden(false.text, "/subscribe")["waited"] == proved["waited"]
    with busy.sessions.reading() as session:
        counted = refusals.of_last_week(session, clock())
    assert counted == {Reason.WAIT: 2, Reason.PROOF_REFUSED: 1, Reason.PROOF_REUSED: 1}


def test_while_confirmation_emails_come_back_everybody_has_to_wait(
    browser: FlaskClient, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        session.add(ConfirmTrip(hour=1, opened_at=now, sent=9, returned=9))
    assert "Please wait" in browser.post("/subscribe", data=ADA).text
    with services.sessions.begin() as session:
        confirm_breaker.close(session, now)
    assert "Check your email" in browser.post("/subscribe", data=ADA).text


def test_a_proof_lifts_no_cap(busy: Services, clock: Clock) -> None:
    audience = replace(busy.audience, caps=replace(busy.audience.caps, address=0))
    browser = browser_of(create_app(replace(busy, audience=audience), clock))
    page = browser.post("/subscribe", data=ADA)
    proved = ADA | hidden(page.text, "/subscribe") | {"proof": proof_for(page.text)}
    assert "Check your email" in browser.post("/subscribe", data=proved).text
    assert sample_services.letters(busy) == []


def proof_for(page: str) -> str:
    challenge = re.search(r'data-challenge="([^"]+)"', page)
    assert challenge
    return written(solve(unescape(challenge[1])))


def test_a_wait_can_be_turned_off_and_domains_refused(services: Services, busy: Services, clock: Clock) -> None:
    changes = {"signup_wait": "never", "signup_refused_domains": "mailinator.com, Bücher.example"}
    settings = services.settings.model_copy(update=changes)
    visitor = browser_of(with_patient_clients(create_app(replace(services, settings=settings), clock)))
    for domain in ("mailinator.com", "x.MAILINATOR.com", "xn--bcher-kva.example"):
        answer = visitor.post("/subscribe", data=ADA | {"email": f"ada@{domain}"})
        assert answer.status_code == 422
        assert "Please use another address" in answer.text
    assert "Check your email" in visitor.post("/subscribe", data=ADA | {"email": "ada@notmailinator.com"}).text
    with busy.sessions.reading() as session:
        assert refusals.of_last_week(session, clock())


def test_what_is_refused_is_counted(browser: FlaskClient, services: Services, clock: Clock) -> None:
    browser.post("/subscribe", data=ADA | {forms.TRAP: "x"})
    browser.post("/subscribe", data=ADA | {forms.TRAP: "x"})
    clock.turn(seconds=6)
    browser.post("/subscribe", data=ADA | {forms.SHOWN: "forged"})
    with services.sessions.reading() as session:
        assert refusals.of_last_week(session, clock()) == {Reason.TRAP: 2, Reason.TOO_QUICK: 1}
