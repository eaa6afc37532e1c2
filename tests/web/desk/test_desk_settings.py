"""What an owner can change of a publication, and what becomes of it."""

import html
import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from PIL import Image

from newsletter import publications
from newsletter.addresses import freemail
from newsletter.audience.models import ConsentEvent, Wording
from newsletter.editorial.issues import issue_store
from newsletter.editors import Role
from newsletter.publications import Publication
from newsletter.web import create_app
from newsletter.wiring import Services
from newsletter.workflows import publish
from tests import sample_services
from tests.sample_services import Clock
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

SENDER, ADDRESS = "/desk/settings/sender", "/desk/settings/address"
LOOK = "/desk/settings/look"
SIGN_UP = "/desk/settings/words/sign_up"
NAME = {"name": "Backs", "tagline": "One letter", "description": "", "language": "en", "time_zone": "Europe/Paris"}


@pytest.fixture
def owner(enter: Enter) -> Visitor:
    return enter(Role.OWNER)


def kept(services: Services) -> Publication:
    with services.sessions.reading() as session:
        publication = publications.first(session)
        assert publication is not None
        return publication


def test_what_an_owner_types_is_kept(owner: Visitor, services: Services) -> None:
    assert owner.press("/desk/settings/name", **NAME).location == "/desk/settings/"
    assert (kept(services).name, kept(services).time_zone, kept(services).description) == ("Backs", "Europe/Paris", "")
    assert "Backs" in owner.read("/desk/settings/")


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("time_zone", "Mars/Base", "is not a time zone; write one like Europe/Warsaw."),
        ("name", "", "Fill this in."),
        ("name", "x" * 121, "Shorten it: the limit is 120 characters."),
        ("tagline", "x" * 201, "Shorten it: the limit is 200 characters."),
        ("tagline", "a\0b", "Write it on one line."),
        ("description", "a\0b", "There is a NUL in the text; remove it."),
        ("language", "English, please", "Give a language tag like en, pl or pt-BR."),
        ("language", "en-abcdefgh-abcdefgh", "Shorten it: the limit is 16 characters."),
    ],
)
def test_a_field_that_cannot_be_so_says_why_and_nothing_is_kept(
    owner: Visitor, services: Services, field: str, typed: str, said: str
) -> None:
    answer = owner.press("/desk/settings/name", **NAME | {field: typed})
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="Europe/Paris"' in answer.text or field == "time_zone"
    assert kept(services).name == "BackPainHelp"


def test_a_line_break_in_the_sender_s_name_is_refused(owner: Visitor, services: Services) -> None:
    typed = {"sender_name": "A\nBcc: x@example.org", "sender_address": "a@b.example"}
    assert owner.press(SENDER, **typed).status_code == 422
    assert kept(services).sender_name == "BackPainHelp"


@pytest.mark.parametrize(
    ("page", "field", "typed", "said"),
    [
        (SENDER, "sender_name", "A\0B", "Write it on one line."),
        (SENDER, "sender_address", "nobody", "An email address must have an @-sign."),
        (ADDRESS, "postal_address", "", "Fill this in."),
    ],
)
def test_what_is_wrong_with_the_sender_is_told_as_one_would_say_it(
    owner: Visitor, page: str, field: str, typed: str, said: str
) -> None:
    right = {"sender_name": "A", "sender_address": "a@home.example.org"}
    answer = owner.press(page, **right | {field: typed})
    assert answer.status_code == 422
    fault = re.search(f'id="{field}-fault"[^>]*>(.*?)<', answer.text)
    assert fault
    assert html.unescape(fault[1]) == said


@pytest.mark.parametrize(
    ("field", "typed", "fault"),
    [
        ("booking_url", "book here", "Give a full web address, like https://example.org/page."),
        ("ask_url", "javascript:alert(1)", "Give a web address that begins with https:// or http://."),
        ("ask_url", f"https://a.example/{'x' * 500}", "Give a shorter web address: the limit is 500 characters."),
        ("request_topics", f"Pain\n{'x' * 61}", "Line 2: Shorten it: the limit is 60 characters."),
        ("request_topics", "Pain\n pain", "are the same topic; leave one out."),
        ("request_topics", "\n".join(map(str, range(21))), "Leave some out: the limit is 20."),
    ],
)
def test_what_is_wrong_with_questions_and_bookings_is_told(
    owner: Visitor, services: Services, field: str, typed: str, fault: str
) -> None:
    answer = owner.press("/desk/settings/contact", **{field: typed})
    assert answer.status_code == 422
    assert fault in html.unescape(answer.text)
    assert kept(services).takes_requests


def test_topics_are_changed_line_by_line_and_asking_is_turned_off(owner: Visitor, services: Services) -> None:
    page = "/desk/settings/contact"
    assert owner.press(page, request_topics="Pain \r\n\r\n<b>Sleep</b>", takes_requests="yes").status_code == 303
    assert kept(services).request_topics == ["Pain", "<b>Sleep</b>"]
    assert "Pain; <b>Sleep</b>" in owner.read("/desk/settings/")
    assert "Pain\n&lt;b&gt;Sleep" in owner.open(page).text
    assert owner.press(page).status_code == 303
    assert not kept(services).takes_requests
    assert "Asking off" in owner.read("/desk/settings/")


def test_a_senders_address_at_a_free_mail_provider_is_kept_and_warned_of(owner: Visitor) -> None:
    typed = {"sender_name": "A", "sender_address": "letters@Gmail.com"}
    assert owner.press("/desk/settings/sender", **typed).status_code == 303
    page = owner.read("/desk/settings/")
    assert page.count("Issues from an address at gmail.com are refused or end up in spam folders") == 2
    assert owner.read("/desk/settings/").count("Issues from an address at gmail.com") == 1


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("a@gmail.com", "gmail.com"),
        ("a@GoogleMail.com", "googlemail.com"),
        ("a@yahoo.co.uk", "yahoo.co.uk"),
        ("a@hotmail.fr", "hotmail.fr"),
        ("a@live.com", "live.com"),
        ("a@gmx.de", "gmx.de"),
        ("a@web.de", "web.de"),
        ("a@wp.pl", "wp.pl"),
        ("a@proton.me", "proton.me"),
        ("a@backpainhelp.example", ""),
        ("a@gmail.com.example.org", ""),
        ("a@mail.example.org", ""),
        ("", ""),
    ],
)
def test_free_mail_is_known_by_its_domain(address: str, provider: str) -> None:
    assert freemail.provider(address) == provider


def test_a_place_to_follow_needs_a_name_and_a_fault_says_which_place_it_is(owner: Visitor, services: Services) -> None:
    page = hidden(owner.open("/desk/settings/follow").text)
    rows = page | {"place": ["Here", "", ""], "url": ["https://here.example/", "", "https://there.example/"]}
    answer = owner.client.post("/desk/settings/follow", data=rows)
    assert answer.status_code == 422
    assert "Link 2, name: Fill this in." in words(answer)
    assert 'name="place" value="" maxlength="60"' in answer.text
    assert "Name of link 2" in words(answer)
    assert kept(services).follow[0]["name"] == "Facebook"


def test_what_somebody_changed_meanwhile_is_not_written_over(owner: Visitor, services: Services) -> None:
    seen = hidden(owner.open("/desk/settings/name").text)
    owner.press("/desk/settings/name", **NAME)
    late = owner.client.post("/desk/settings/name", data=seen | NAME | {"name": "Spines"})
    assert late.status_code == 409
    assert kept(services).name == "Backs"
    assert "Name, as it is saved now: Backs" in words(late)
    assert 'value="Spines"' in late.text
    again = owner.client.post("/desk/settings/name", data=hidden(late.text) | NAME | {"name": "Spines"})
    assert again.status_code == 303
    assert kept(services).name == "Spines"


def test_places_to_follow_are_only_ever_web_addresses(owner: Visitor, services: Services) -> None:
    page = hidden(owner.open("/desk/settings/follow").text)
    rows = page | {"place": ["Here", "There"], "url": ["javascript:alert(1)", "https://there.example/"]}
    assert owner.client.post("/desk/settings/follow", data=rows).status_code == 422
    rows |= {"url": ["https://here.example/x", ""], "place": ["Here", ""]}
    assert owner.client.post("/desk/settings/follow", data=rows).status_code == 303
    assert kept(services).follow == [{"name": "Here", "url": "https://here.example/x"}]


def test_the_issue_to_start_with_tops_the_archive_once_it_is_out(owner: Visitor, browser: FlaskClient) -> None:
    first, _ = sample_services.OUT
    assert f'<option value="{first}">' in owner.open("/desk/settings/archive").text
    assert f'<option value="{sample_services.WAITING}">' not in owner.open("/desk/settings/archive").text
    assert owner.press("/desk/settings/archive", start_here=first).status_code == 303
    page = browser.get("/archive/").text
    assert page.index("Start here") < page.index(f'<h3><a href="/archive/{first}/"') < page.index("Newest first")
    assert "Start here" not in browser.get("/archive/?category=Health").text
    owner.press("/desk/settings/archive", start_here=sample_services.WAITING)
    assert "Start here" not in browser.get("/archive/").text
    assert owner.press("/desk/settings/archive", start_here="../x").status_code == 422


def test_topics_are_named_one_a_line(owner: Visitor, services: Services) -> None:
    assert "Tags so far: " in owner.open("/desk/settings/choices").text
    assert owner.press("/desk/settings/choices", topics=" Neck \r\n\r\nback pain").status_code == 303
    assert kept(services).topics == ["Neck", "back pain"]
    for strange, fault in (
        ("Neck\nBack\nNECK", "“Neck” and “NECK” are the same topic"),
        ("x" * 61, "Line 1: Shorten it"),
        ("\n".join(map(str, range(21))), "the limit is 20"),
    ):
        answer = owner.press("/desk/settings/choices", topics=strange)
        assert answer.status_code == 422
        assert fault in words(answer)
        assert strange.splitlines()[0] in answer.text
    assert owner.press("/desk/settings/choices", topics="", offers_digest="yes").status_code == 303
    assert (kept(services).topics, kept(services).offers_digest) == ([], True)


def test_a_switch_that_is_off_is_told_by_its_absence(owner: Visitor, services: Services) -> None:
    owner.press("/desk/settings/rules", requires_approval="yes")
    assert (kept(services).requires_approval, kept(services).counts_clicks) == (True, False)
    owner.press("/desk/settings/rules")
    assert not kept(services).requires_approval


def test_whoever_asks_for_approvals_is_told_what_is_scheduled_without_one(
    owner: Visitor, services: Services, now
) -> None:
    with services.sessions.begin() as session:
        publish.schedule(
            session, services.letters, issue_store.find(session, sample_services.WAITING), now + timedelta(days=1), now
        )
    owner.press("/desk/settings/rules", requires_approval="yes")
    assert "is scheduled but not approved: unless somebody does" in owner.read("/desk/settings/")


def test_a_colour_that_cannot_be_read_is_refused_with_its_contrast(owner: Visitor, services: Services) -> None:
    answer = owner.press(LOOK, accent="#ffd700", accent_dark="#7fd1c0")
    assert answer.status_code == 422
    assert "Too little contrast: links on paper 1.3" in answer.text
    assert owner.press(LOOK, accent="teal", accent_dark="").status_code == 422
    assert kept(services).accent is None


def test_colours_of_its_own_dress_the_site_and_the_mail(owner: Visitor, browser: FlaskClient) -> None:
    assert owner.press(LOOK, accent="#8A1C4A", accent_dark="#F2A0C0").status_code == 303
    home = browser.get("/").text
    sheet = home.split('href="/look/')[1].split('"')[0]
    style = browser.get(f"/look/{sheet}")
    assert "--accent: #8a1c4a" in style.text
    assert "--accent: #f2a0c0" in style.text
    assert "immutable" in style.headers["Cache-Control"]
    mail = owner.open("/desk/issues/looser-by-degrees/preview.html").text
    assert "#8a1c4a" in mail
    assert "#0f6b5c" not in mail


def test_a_logo_stands_for_the_name_and_goes_again(owner: Visitor, services: Services, browser: FlaskClient) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (200, 80), "teal").save(picture, "PNG")
    token = hidden(owner.open(LOOK).text, "/desk/settings/logo")
    logo = (io.BytesIO(picture.getvalue()), "logo.png")
    assert owner.client.post("/desk/settings/logo", data=token | {"picture": logo}).status_code == 303
    assert f'src="/pictures/{kept(services).logo}" alt="BackPainHelp" width="100" height="40">' in browser.get("/").text
    mail = owner.open("/desk/issues/looser-by-degrees/preview.html").text
    assert re.search(rf'/pictures/{kept(services).logo}" alt="BackPainHelp" width="100" height="40"', mail)
    owner.client.post("/desk/settings/logo", data=token | {"without": "yes"})
    assert kept(services).logo is None


def test_a_logo_that_is_no_picture_is_refused(owner: Visitor, services: Services) -> None:
    token = hidden(owner.open(LOOK).text, "/desk/settings/logo")
    drawn = (io.BytesIO(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "logo.png")
    answer = owner.client.post("/desk/settings/logo", data=token | {"picture": drawn})
    assert answer.status_code == 422
    assert "SVG" in answer.text
    assert kept(services).logo is None


def test_the_record_keeps_the_version_of_the_words_that_the_page_showed(
    owner: Visitor, services: Services, browser: FlaskClient, clock: Clock
) -> None:
    owner.press(SIGN_UP, words="Yes to {{ name }}, {{ often }}.")
    form = hidden(browser.get("/subscribe").text, "/subscribe")
    assert "Yes to BackPainHelp, every Tuesday." in browser.get("/subscribe").text
    owner.press(SIGN_UP, words="Other words.")
    clock.turn(seconds=5)
    browser.post("/subscribe", data=form | {"email": "ada@reader.example"}, headers={"Sec-Fetch-Site": "same-origin"})
    with services.sessions.reading() as session:
        event = session.query(ConsentEvent).one()
        assert session.get_one(Wording, event.wording_id).text == "Yes to BackPainHelp, every Tuesday."


def test_every_version_of_the_words_is_kept_and_empty_ones_go_back(owner: Visitor, browser: FlaskClient) -> None:
    owner.press(SIGN_UP, words="First.")
    owner.press(SIGN_UP, words="<b>Second</b>.")
    assert "&lt;b&gt;Second&lt;/b&gt;." in browser.get("/subscribe").text
    owner.press(SIGN_UP, words="")
    assert "By clicking the button you ask for BackPainHelp" in browser.get("/subscribe").text
    page = owner.read(SIGN_UP)
    assert "Version 3" in page
    assert "First." in page


def test_words_with_a_field_that_there_is_not_are_refused(owner: Visitor) -> None:
    answer = owner.press(SIGN_UP, words="Dear {{ email }}")
    assert answer.status_code == 422
    assert "unknown field" in answer.text


def test_words_changed_meanwhile_are_not_written_over(owner: Visitor) -> None:
    seen = hidden(owner.open(SIGN_UP).text)
    owner.press(SIGN_UP, words="First.")
    assert owner.client.post(SIGN_UP, data=seen | {"words": "Late."}).status_code == 409


@pytest.mark.parametrize(
    ("kept_of_it", "told"),
    [
        ("truncated", "the network you came from"),
        ("full", "the network address you came from"),
        ("hashed", "a fingerprint of the network address"),
        ("none", ""),
    ],
)
def test_the_page_on_privacy_tells_what_a_consent_keeps_of_where_it_came_from(
    services: Services, clock: Clock, kept_of_it: str, told: str
) -> None:
    origin = replace(services, audience=replace(services.audience, origin_policy=kept_of_it))
    page = create_app(origin, clock).test_client().get("/privacy").text
    assert told in page
    assert ("With each of these" in page or "with each of these" in page) == bool(told)


def test_the_page_on_privacy_tells_of_clicks_where_they_are_counted_and_follows_the_rule(
    owner: Visitor, browser: FlaskClient
) -> None:
    counted = "It counts how often each link in an issue is clicked, but not by whom."
    assert counted not in browser.get("/privacy").text
    owner.press("/desk/settings/rules", counts_clicks="yes")
    assert counted in browser.get("/privacy").text
    words_ = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", owner.open("/desk/settings/words/privacy").text, re.DOTALL)
    assert words_
    owner.press("/desk/settings/words/privacy", words=html.unescape(words_[1]))
    owner.press("/desk/settings/rules")
    assert counted not in browser.get("/privacy").text


def test_the_page_on_privacy_runs_no_html_and_says_since_when(owner: Visitor, browser: FlaskClient) -> None:
    assert "one tap" in browser.get("/privacy").text
    owner.press("/desk/settings/words/privacy", words="## What we keep\n\n<script>alert(1)</script>")
    page = browser.get("/privacy").text
    assert "What we keep</h2>" in page
    assert "<script>" not in page
    assert "In effect since" in page


@pytest.mark.parametrize("page", ["/desk/settings/nonsense", "/desk/settings/words/nonsense"])
def test_what_there_is_not_is_not_found(owner: Visitor, page: str) -> None:
    assert owner.open(page).status_code == 404
