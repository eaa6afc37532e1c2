import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from newsletter import audit, publications
from newsletter.audience import consent, refusals
from newsletter.audience.consent import Proof
from newsletter.audience.models import Act, Channel, Pace, SignupCount, Status, Subscriber, Subscription, hour_of
from newsletter.audience.refusals import FormKind, Reason
from newsletter.delivery.bounces import suppression
from newsletter.delivery.bounces.events import RawReport
from newsletter.delivery.bounces.intake.reader_mails import ReaderMail
from newsletter.delivery.models import Cause
from newsletter.delivery.transactional import outbox
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import Clock
from tests.web.conftest import subscription
from tests.web.desk.visits import hidden, words

ERASE = {"do": "erase", "sure": "yes"}


@pytest.fixture
def link(reader: Subscription, services: Services) -> str:
    return sample_services.path_of(services.links.preferences(reader.id))


@pytest.fixture
def fresh(reader: Subscription, services: Services, now: datetime) -> str:
    """The link that was sent to the reader's address just now."""
    return sample_services.path_of(services.links.manage(reader.id, now))


def test_the_page_says_where_the_reader_stands(browser: FlaskClient, fresh: str) -> None:
    page = browser.get(fresh).text
    assert 'comes to <strong class="whole">ada@example.org</strong> every Tuesday' in page
    assert "because you confirmed your subscription on 20 November 2026." in page
    assert 'value="Ada"' in page


def test_a_new_name_is_saved_and_shown(browser: FlaskClient, fresh: str) -> None:
    answer = browser.post(fresh, data={"do": "rename", "name": "Ada <b>Lovelace</b>"})
    assert answer.status_code == 303
    page = browser.get(answer.headers["Location"]).text
    assert "Your name has been saved" in page
    assert "Ada &lt;b&gt;Lovelace&lt;/b&gt;" in page


@pytest.mark.parametrize("name", ["Ada\nBcc: x@example.org", "x" * 101])
def test_a_name_that_cannot_be_kept_comes_back_with_a_sentence(
    browser: FlaskClient, fresh: str, services: Services, name: str
) -> None:
    before = sample_services.dump(services)
    answer = browser.post(fresh, data={"do": "rename", "name": name})
    assert answer.status_code == 422
    assert 'id="name-fault"' in answer.text
    assert sample_services.dump(services) == before


def test_a_break_begins_and_ends_at_the_readers_word(browser: FlaskClient, link: str, services: Services) -> None:
    browser.post(link, data={"do": "pause", "until": "2026-12-18"})
    assert subscription(services).status is Status.PAUSED
    assert "again from <strong>Friday 18 December 2026</strong>." in browser.get(link).text
    browser.post(link, data={"do": "pause", "until": "2026-12-18", "date": "2027-02-01"})
    assert subscription(services).paused_until == datetime(2027, 1, 31, 23, tzinfo=UTC)
    browser.post(link, data={"do": "resume"})
    assert subscription(services).status is Status.ACTIVE


@pytest.mark.parametrize("until", ["", "2026-11-20", "2027-11-22", "9999-12-31", "two", "2026-02-30"])
def test_a_break_of_no_sensible_length_is_refused_beside_the_choice(
    browser: FlaskClient, link: str, services: Services, until: str
) -> None:
    answer = browser.post(link, data={"do": "pause", "date": until})
    assert answer.status_code == 422
    assert 'id="pause-fault"' in answer.text
    assert subscription(services).status is Status.ACTIVE


def test_leaving_is_one_button_here_too(browser: FlaskClient, link: str, services: Services) -> None:
    left = browser.get(browser.post(link, data={"do": "leave"}).headers["Location"]).text
    assert "Undo: keep me subscribed" in left
    assert 'name="reason"' in left
    assert subscription(services).status is Status.UNSUBSCRIBED
    page = browser.get(link).text
    assert "/subscribe?publication=backpainhelp" in page
    assert "Take a break" not in page


def test_a_break_of_one_who_left_is_refused(browser: FlaskClient, link: str) -> None:
    browser.post(link, data={"do": "leave"})
    assert browser.post(link, data={"do": "pause", "until": "2026-12-18"}).status_code == 409


def test_my_data_is_a_file_for_this_reader_alone(browser: FlaskClient, fresh: str) -> None:
    answer = browser.get(f"{fresh}/my-data.json")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    assert json.loads(answer.data)["email"] == "ada@example.org"


def test_my_data_can_be_read_by_a_person(browser: FlaskClient, fresh: str) -> None:
    page = words(browser.get(f"{fresh}/my-data"))
    since = "Friday 20 November 2026 at 13:00 (Europe/Warsaw)"
    assert f"Everything we keep about ada@example.org, Ada , since {since}" in page
    assert f"Signed up by form (BackPainHelp), {since} , from 127.0.0.0/24" in page
    assert "The text you saw, version" in page
    assert f"BackPainHelp: active since {since}" in page


def test_the_page_of_my_data_leaves_out_nothing_that_the_file_has(
    browser: FlaskClient, fresh: str, reader: Subscription, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        mine = session.get_one(Subscription, reader.id)
        mine.note, mine.subscriber.language = "Prefers <the> phone.", "de"
        for source, reason in (("a", ""), ("b", "loop")):
            session.add(
                ReaderMail(
                    source=source,
                    key=mine.subscriber.key,
                    publication_id=mine.publication_id,
                    received_at=now,
                    kept_because=reason,
                )
            )
        session.add(RawReport(source="a", received_at=now, raw=b"Subject: Hello\n\nIs the <clinic> open?\n"))
        consent.record(session, mine, Act.ASKED, Channel.FORM, now, Proof(note="shop.example"))
    page = browser.get(f"{fresh}/my-data")
    for part in (
        *("Notiz unseres Teams: Prefers &lt;the&gt; phone.", "an unser Team weitergeleitet", ">Deutsch</span>"),
        *("Das Formular stand auf: shop.example", "<blockquote>Hello<br>Is the &lt;clinic&gt; open?</blockquote>"),
    ):
        assert part in page.text
    template = Path("templates/site/my_data.html").read_text()
    assert [part for part in browser.get(f"{fresh}/my-data.json").json if f"data.{part}" not in template] == []


def test_erasing_asks_for_a_tick_and_then_forgets(browser: FlaskClient, fresh: str, services: Services) -> None:
    assert browser.post(fresh, data={"do": "erase"}).status_code == 422
    assert "Your data has been erased" in browser.post(fresh, data={"do": "erase", "sure": "yes"}).text
    with services.sessions.reading() as session:
        assert session.query(Subscriber).count() == 0
        told = session.scalars(audit.matching({"kind": "reader"})).one()
    assert (told.who, told.act, told.details) == (audit.READER, "erase", {})
    assert told.about.isdecimal()
    assert browser.get(fresh).status_code == 404
    assert "only a fingerprint of your address is kept" in browser.get("/privacy").text


def test_a_program_without_a_token_changes_nothing(program: FlaskClient, link: str, services: Services) -> None:
    before = sample_services.dump(services)
    assert program.post(link, data={"do": "leave"}).status_code == 400
    assert sample_services.dump(services) == before


def test_a_wish_that_nobody_can_have_is_refused(browser: FlaskClient, link: str) -> None:
    assert browser.post(link, data={"do": "promote"}).status_code == 400


def test_the_link_in_a_letter_masks_the_address_and_opens_no_personal_data(
    browser: FlaskClient, link: str, services: Services
) -> None:
    before = sample_services.dump(services)
    page = browser.get(link).text
    assert 'comes to <strong class="whole">a…@example.org</strong>' in page
    assert "Ada" not in page.replace("Adak", "")  # a city
    refused = [browser.get(f"{link}/my-data"), browser.get(f"{link}/my-data.json")]
    refused += [browser.post(link, data=asked) for asked in ({"do": "rename", "name": "Eve"}, ERASE)]
    assert [answer.status_code for answer in refused] == [403] * 4
    for answer in refused:
        assert "This needs a link from the last hour" in answer.text
        assert "ada@example.org" not in answer.text
    assert sample_services.dump(services) == before


def test_after_an_hour_the_sent_link_opens_what_the_link_in_a_letter_opens(
    browser: FlaskClient, fresh: str, clock: Clock
) -> None:
    clock.turn(minutes=60)
    assert browser.get(f"{fresh}/my-data").status_code == 200
    clock.turn(minutes=1)
    assert browser.get(f"{fresh}/my-data").status_code == 403
    assert "a…@example.org" in browser.get(fresh).text


def test_the_button_sends_a_fresh_link_to_the_readers_own_address(
    browser: FlaskClient, link: str, services: Services
) -> None:
    answer = browser.post(link, data={"do": "link"})
    assert "A link that opens your data is on its way" in browser.get(answer.headers["Location"]).text
    sent = sample_services.letters(services)[-1]
    assert (sent["kind"], sent["address"]) == ("link", "ada@example.org")
    assert "ada@example.org" in browser.get(f"{sample_services.path_of(sent['manage_url'])}/my-data.json").text


@pytest.mark.usefixtures("reader")
def test_send_me_my_link_answers_alike_and_writes_to_readers_only(browser: FlaskClient, services: Services) -> None:
    browser.post("/subscribe", data={"email": "pending@example.org"})
    before = len(sample_services.letters(services))
    answers = [
        browser.post("/link", data={"email": each}).text
        for each in ("ADA@example.org", "pending@example.org", "nobody@example.org")
    ]
    assert len(set(answers)) == 1
    assert [each["address"] for each in sample_services.letters(services)[before:]] == ["ada@example.org"]


def test_send_me_my_link_goes_once_a_day_to_who_complained_too(
    browser: FlaskClient, reader: Subscription, services: Services, clock: Clock
) -> None:
    with services.sessions.begin() as session:
        session.get_one(Subscription, reader.id).status = Status.COMPLAINED
        suppression.add(session, "ada@example.org", Cause.COMPLAINT, clock())
        for letter in outbox.claim(session, "w", 9, clock()):
            outbox.sent(session, "w", letter.id, "250 ok", clock())
    for _ in range(2):
        assert browser.post("/link", data={"email": "ada@example.org"}).status_code == 200
    with services.sessions.begin() as session:
        assert [letter.kind for letter in outbox.claim(session, "w", 9, clock())] == ["link"]


def test_send_me_my_link_keeps_what_was_typed_and_has_the_limits_of_signing_up(
    browser: FlaskClient, reader: Subscription, services: Services
) -> None:
    answer = browser.post("/link", data={"email": "ada@"})
    assert (answer.status_code, 'value="ada@"' in answer.text) == (422, True)
    for _ in range(services.audience.caps.address + 2):
        assert browser.post("/link", data={"email": reader.subscriber.email}).status_code == 200
    sent = [each for each in sample_services.letters(services) if each["kind"] == "link"]
    assert len(sent) == services.audience.caps.address


def ask_for_link(browser: FlaskClient, **fields: str) -> TestResponse:
    return browser.post("/link", data={"email": "ada@example.org"} | fields)


def links_sent(services: Services) -> int:
    return sum(each["kind"] == "link" for each in sample_services.letters(services))


@pytest.mark.usefixtures("reader")
def test_a_robot_that_asks_for_a_link_gets_the_same_page_and_no_mail(
    browser: FlaskClient, services: Services, clock: Clock
) -> None:
    assert ask_for_link(browser, message="x").data == ask_for_link(browser).data
    assert links_sent(services) == 1
    clock.turn(seconds=6)
    too_quick = ask_for_link(browser, shown="forged")
    assert (too_quick.status_code, 'value="ada@example.org"' in too_quick.text) == (400, True)
    assert links_sent(services) == 1
    clock.turn(seconds=6)
    ask_for_link(browser, message="x")
    with services.sessions.reading() as session:
        assert refusals.of_last_week(session, clock(), FormKind.LINK) == {Reason.TRAP: 2, Reason.TOO_QUICK: 1}
        assert refusals.of_last_week(session, clock()) == {}


@pytest.mark.usefixtures("reader")
def test_the_form_of_the_link_proves_when_it_was_shown(browser: FlaskClient, services: Services, clock: Clock) -> None:
    form = hidden(browser.get("/link").text, "/link")
    clock.turn(seconds=3)
    assert browser.post("/link", data=form | {"email": "ada@example.org"}).status_code == 200
    assert links_sent(services) == 1


@pytest.mark.usefixtures("reader")
def test_a_flood_of_requests_for_links_makes_them_wait_and_no_sign_up(
    browser: FlaskClient, services: Services, clock: Clock
) -> None:
    with services.sessions.begin() as session:
        session.add(SignupCount(bucket="link.press:a", window=hour_of(clock()), hits=30))
    page = ask_for_link(browser)
    assert "Please wait 30 seconds" in page.text
    assert links_sent(services) == 0
    clock.turn(seconds=30)
    assert ask_for_link(browser, **hidden(page.text, "/link")).status_code == 200
    assert links_sent(services) == 1
    assert "Check your email" in browser.post("/subscribe", data={"email": "new@example.org"}).text


def test_links_do_not_use_up_what_a_mailbox_may_get_of_sign_ups(browser: FlaskClient, services: Services) -> None:
    for _ in range(services.audience.caps.address + 2):
        ask_for_link(browser)
    browser.post("/subscribe", data={"email": "ada@example.org"})
    assert [each["kind"] for each in sample_services.letters(services)] == ["confirm"]


def offer_topics(services: Services, *topics: str) -> None:
    with services.sessions.begin() as session:
        publications.find(session).topics = list(topics)


def ticked(page: str) -> list[str]:
    return re.findall(r'name="topic" value="([^"]*)" checked', page)


def test_topics_are_all_on_until_a_reader_turns_one_off(browser: FlaskClient, link: str, services: Services) -> None:
    assert "topics-heading" not in browser.get(link).text
    offer_topics(services, "Neck", "Sleep & <b>rest</b>")
    assert ticked(browser.get(link).text) == ["Neck", "Sleep &amp; &lt;b&gt;rest&lt;/b&gt;"]
    for _ in range(2):
        answer = browser.post(link, data={"do": "topics", "topic": ["Neck", "no such topic"]})
        page = browser.get(answer.headers["Location"]).text
        assert "Your topics have been saved." in page
        assert ticked(page) == ["Neck"]
    assert sum("chose" in event for event in sample_services.dump(services)["consent_events"]) == 1


def test_what_is_turned_off_is_part_of_the_readers_data_and_goes_with_them(
    browser: FlaskClient, fresh: str, services: Services
) -> None:
    offer_topics(services, "Neck")
    browser.post(fresh, data={"do": "topics"})
    assert browser.get(f"{fresh}/my-data.json").json["topics_off"] == {"backpainhelp": ["Neck"]}
    assert "topics turned off: Neck" in browser.get(f"{fresh}/my-data").text
    browser.post(fresh, data=ERASE)
    assert sample_services.dump(services)["topics_off"] == []


def test_the_other_newsletters_of_the_same_address_are_named_to_its_owner_alone(
    browser: FlaskClient, link: str, fresh: str, services: Services, now: datetime
) -> None:
    sample_services.open_another_publication(services, now)
    with services.sessions.begin() as session:
        other = Subscription(subscriber_id=1, publication_id=2, status=Status.ACTIVE, created_at=now, confirmed_at=now)
        session.add(other)
        session.flush()
        url = services.links.preferences(other.id)
    assert f'<a href="{url}">The Other Letter</a>' in browser.get(fresh).text
    assert "The Other Letter" not in browser.get(link).text
    browser.post(sample_services.path_of(url), data={"do": "leave"})
    assert "The Other Letter" not in browser.get(fresh).text


def offer_digest(services: Services) -> None:
    with services.sessions.begin() as session:
        publications.find(session).offers_digest = True


def test_one_email_a_month_is_chosen_where_it_is_offered(browser: FlaskClient, link: str, services: Services) -> None:
    assert 'name="pace"' not in browser.get(link).text
    offer_digest(services)
    assert 'value="each" checked' in browser.get(link).text
    answer = browser.post(link, data={"do": "pace", "pace": "monthly"})
    page = browser.get(answer.headers["Location"]).text
    assert "We have saved how often you want to hear from us." in page
    assert 'value="monthly" checked' in page
    assert "once a month, because" in page
    assert browser.post(link, data={"do": "pace", "pace": "daily"}).status_code == 400


@pytest.mark.usefixtures("stocked")
def test_a_change_that_waits_for_the_digest_says_until_when(
    browser: FlaskClient, link: str, services: Services, now: datetime
) -> None:
    offer_digest(services)
    sample_services.send(services, "backpainhelp", "one-more", now)
    answer = browser.post(link, data={"do": "pace", "pace": "monthly"})
    page = browser.get(answer.headers["Location"]).text
    assert "each issue still comes until Tuesday 1 December 2026. From then on you get one email a month." in page
    assert 'value="monthly" checked' in page
    assert subscription(services).pace is Pace.EACH
    assert '"pace": "monthly"' in browser.get(f"{fresh_link(services, now)}/my-data.json").text


def fresh_link(services: Services, now: datetime) -> str:
    return sample_services.path_of(services.links.manage(1, now))
