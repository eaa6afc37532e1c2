"""Comments on an issue: the form, what is held, a reader's link, reports, and what the issue's page shows."""

import email
import email.policy
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from newsletter.audience import erasures, privacy, refusals, subscribers
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.refusals import FormKind, Reason
from newsletter.db import DatabaseDown
from newsletter.delivery.ledger import ClaimedCopy
from newsletter.delivery.message import compose
from newsletter.editorial.issues import issue_store
from newsletter.engagement.comments import Comment, CommentState, ReplyMail
from newsletter.errors import NotFound
from newsletter.links import LinksOfATest
from newsletter.publications import Publication
from newsletter.web import context
from newsletter.wiring import Services
from newsletter.workflows import build_letter
from tests import sample_services
from tests.sample_services import Clock
from tests.web.conftest import shown

pytestmark = pytest.mark.usefixtures("stocked")

SLUG = sample_services.OUT[1]
ISSUE = f"/archive/{SLUG}/"
PAGE = f"{ISSUE}comments"
WORDS = {"name": "Zofia", "email": "zofia@example.org", "text": "It *helped* me."}


def stored(services: Services) -> list[Comment]:
    with services.sessions.reading() as session:
        return list(session.scalars(select(Comment).order_by(Comment.id)))


def press(client: FlaskClient, page: str = PAGE, seconds: float = 10, **fields: str):
    form = WORDS | {"shown": shown(client.application, seconds)} | fields
    return client.post(page, data=form)


def approve(services: Services) -> None:
    with services.sessions.begin() as session:
        session.execute(update(Comment).values(state=CommentState.APPROVED))


def set_rule(services: Services, **values: object) -> None:
    with services.sessions.begin() as session:
        session.execute(update(Publication).values(**values))


def slow_down(app: Flask) -> None:
    """Let every form ask to wait."""
    at_hand = app.extensions["newsletter"]
    settings = at_hand.services.settings.model_copy(update={"signup_wait": "always"})
    context.init_services(app, replace(at_hand.services, settings=settings), at_hand.clock)


def refused(services: Services, clock: Clock) -> dict[Reason, int]:
    with services.sessions.reading() as session:
        return refusals.of_last_week(session, clock(), FormKind.COMMENT)


@pytest.fixture
def key(services: Services, reader: Subscription) -> str:
    """The page that Ada's link in a letter opens."""
    return sample_services.path_of(services.links.comments(services.links.archive(SLUG), reader.id))


def test_a_comment_waits_until_it_is_approved_and_its_address_is_never_shown(
    browser: FlaskClient, services: Services
) -> None:
    assert f'href="{PAGE}#write"' in browser.get(ISSUE).text
    assert "Your email address is never shown. Fields marked * are required." in browser.get(PAGE).text
    answer = press(browser)
    assert answer.status_code == 303
    page = browser.get(answer.location).text
    assert "Thank you. Your comment will appear here once we have read it." in page
    assert "There are no comments yet." in page
    [comment] = stored(services)
    assert (comment.state, comment.email, comment.reply_mail) == (CommentState.WAITING, WORDS["email"], ReplyMail.NONE)
    approve(services)
    for where in (PAGE, ISSUE):
        page = browser.get(where).text
        assert "It <em>helped</em> me." in page
        assert "1 comment<" in page
        assert "zofia@" not in page


def test_the_issues_page_stays_the_same_for_everybody_and_sets_no_cookie(
    browser: FlaskClient, services: Services, clock: Clock
) -> None:
    before = browser.get(ISSUE)
    press(browser)
    approve(services)
    clock.turn(minutes=5)
    after = browser.get(ISSUE, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert "public" in after.headers["Cache-Control"]
    # One that only knows when it asked last would not learn that a comment was erased.
    assert "Last-Modified" in before.headers
    assert "Last-Modified" not in after.headers
    assert "Set-Cookie" not in after.headers
    assert "Set-Cookie" not in browser.get(PAGE).headers


def test_search_engines_are_told_of_the_comments(browser: FlaskClient, services: Services) -> None:
    press(browser)
    approve(services)
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', browser.get(ISSUE).text)
    assert found
    article = json.loads(found[1])["@graph"][0]
    assert article["commentCount"] == 1
    [comment] = article["comment"]
    assert (comment["author"]["name"], comment["text"]) == ("Zofia", "It helped me.")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Please give the name that is shown above your comment."),
        ("name", "\u202eZofia", "turns the reading direction"),
        ("name", "x" * 101, "Please shorten the name"),
        ("name", "zofia@example.org", "Please give a name, not an address"),
        ("name", "see www.pills.example", "Please give a name, not an address"),
        ("name", "\u200b", "Please give the name"),
        ("name", "B\u0430ckPainHelp".replace("\u0430", "a"), "Please choose another name: this one is ours"),
        ("name", "back pain\u00a0hélp", "Please choose another name: this one is ours"),
        ("email", "zofia", "the @ is missing"),
        ("text", "", "Please write your comment first."),
        ("text", "x" * 100_000, "it has 100,000 characters; the limit is 5,000"),
        ("text", "https://a.example " * 1_000, "Please shorten your comment"),
        ("text", "https://a.b " * 25, "Please remove some links: there are 25"),
    ],
)
def test_what_cannot_be_taken_is_said_beside_its_field_and_nothing_is_lost(
    browser: FlaskClient, services: Services, field: str, value: str, sentence: str
) -> None:
    answer = press(browser, **{field: value})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert (value if field == "text" else WORDS["text"]) in answer.text
    assert stored(services) == []


def test_html_in_a_name_or_text_is_only_words(browser: FlaskClient, services: Services) -> None:
    press(browser, name='"><script>alert(1)</script> {{ 7 * 7 }}', text="<img src=x onerror=alert(1)>")
    approve(services)
    for where in (PAGE, ISSUE, f"{PAGE}?reply=1"):
        page = browser.get(where).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    assert "{{ 7 * 7 }}" in page


def test_a_form_sent_twice_makes_one_comment(browser: FlaskClient, services: Services) -> None:
    assert [press(browser).status_code for _ in range(2)] == [303, 303]
    assert len(stored(services)) == 1


def test_more_than_two_links_are_taken_for_spam_and_the_writer_is_told_nothing(
    browser: FlaskClient, services: Services
) -> None:
    answer = press(browser, text="https://a.example https://b.example www.c.example")
    assert answer.location.endswith("done=held")
    assert [one.state for one in stored(services)] == [CommentState.SPAM]


def test_many_comments_of_one_mailbox_in_a_day_are_taken_for_spam_and_none_is_lost(
    browser: FlaskClient, services: Services, clock: Clock
) -> None:
    most = services.audience.caps.address
    for number in range(most + 1):
        assert press(browser, text=f"number {number}").status_code == 303
    states = [one.state for one in stored(services)]
    assert states == [CommentState.WAITING] * most + [CommentState.SPAM]
    assert refused(services, clock) == {Reason.ADDRESS_CAP: 1}


def test_bots_are_told_apart_as_at_every_form(
    app: Flask, browser: FlaskClient, services: Services, clock: Clock
) -> None:
    assert press(browser, message="I am a bot").status_code == 303
    quick = press(browser, seconds=0.5)
    assert quick.status_code == 400
    assert WORDS["text"] in quick.text
    slow_down(app)
    waiting = press(browser)
    assert waiting.status_code == 200
    assert "Please wait 30 seconds" in waiting.text
    assert stored(services) == []
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', waiting.text))
    clock.turn(seconds=31)
    assert browser.post(PAGE, data=fields).status_code == 303
    assert [one.text for one in stored(services)] == [WORDS["text"]]


def test_a_client_that_sends_too_many_keeps_what_it_typed(browser: FlaskClient, services: Services) -> None:
    for number in range(services.audience.caps.client):
        press(browser, email=f"reader-{number}@example.org")
    answer = press(browser, email="one-more@example.org", text="Not lost")
    assert answer.status_code == 429
    assert "Retry-After" in answer.headers
    assert "Not lost" in answer.text


def test_a_program_without_the_pages_cookie_gets_the_form_again(app: Flask, program: FlaskClient) -> None:
    answer = program.post(PAGE, data=WORDS | {"shown": shown(app)})
    assert answer.status_code == 400
    assert WORDS["text"] in answer.text
    assert 'name="csrf_token"' in answer.text


@pytest.mark.parametrize("fault", ["", "database"])
def test_a_form_that_cannot_be_shown_again_is_answered_with_the_reason(
    fault: str, program: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> NoReturn:
        raise DatabaseDown("SELECT 1", {}, ConnectionError("no route"))

    if fault:
        monkeypatch.setattr(services.sessions, "reading", refuse)
    answer = program.post(PAGE if fault else "/archive/nothing/comments", data=WORDS)
    assert answer.status_code == (503 if fault else 404)
    assert answer.content_type == "text/html; charset=utf-8"


def test_a_readers_link_signs_without_waiting_and_shows_no_address(
    app: Flask, browser: FlaskClient, services: Services, reader: Subscription, key: str
) -> None:
    slow_down(app)
    page = browser.get(key)
    assert "a…@example.org" in page.text
    assert "ada@example.org" not in page.text
    assert 'name="email"' not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert press(browser, key, reply_mail="1").location.startswith(key)
    [comment] = stored(services)
    assert (comment.state, comment.subscription_id, comment.email) == (CommentState.WAITING, reader.id, "")
    assert comment.reply_mail is ReplyMail.CONFIRMED


def test_a_readers_link_opens_the_page_in_their_language(
    browser: FlaskClient, services: Services, reader: Subscription, key: str
) -> None:
    with services.sessions.begin() as session:
        session.get_one(Subscriber, reader.subscriber_id).language = "es"
    assert '<html lang="es"' in browser.get(key).text
    assert '<html lang="en"' in browser.get(PAGE).text


def test_a_readers_comment_is_published_at_once_where_the_publication_says_so(
    browser: FlaskClient, services: Services, key: str
) -> None:
    set_rule(services, comments="readers")
    assert "Your comment appears below." in browser.get(press(browser, key).location).text
    press(browser)
    press(browser, key, text="https://a.example https://b.example https://c.example")
    states = [one.state for one in stored(services)]
    assert states == [CommentState.APPROVED, CommentState.WAITING, CommentState.SPAM]


@pytest.mark.parametrize("harm", ["altered", "other", "gone"])
def test_a_link_that_does_not_sign_opens_nothing(
    browser: FlaskClient, services: Services, reader: Subscription, key: str, harm: str
) -> None:
    if harm == "other":
        sample_services.open_another_publication(services, sample_services.NOW)
        sample_services.send(services, "other", "elsewhere", sample_services.NOW)
        key = key.replace(SLUG, "elsewhere")
    if harm == "altered":
        key = key[:-3] + ("AAA" if key[-3:] != "AAA" else "BBB")
    if harm == "gone":
        with services.sessions.begin() as session:
            session.get_one(Subscription, reader.id).status = Status.UNSUBSCRIBED
        assert browser.get(key).location == PAGE
        # What was typed meanwhile is kept, and now needs an address.
        assert press(browser, key, email="").status_code == 422
    else:
        assert browser.get(key).status_code == 404
        assert press(browser, key).status_code == 404
    assert stored(services) == []


def test_replies_stand_below_what_they_reply_to_and_go_no_deeper(browser: FlaskClient, services: Services) -> None:
    press(browser)
    approve(services)
    page = browser.get(f"{PAGE}?reply=1").text
    assert "Reply to <bdi>Zofia</bdi>" in page
    press(browser, parent="1", text="first")
    approve(services)
    press(browser, parent="2", text="second")
    assert [one.parent_id for one in stored(services)] == [None, 1, 1]


@pytest.mark.parametrize("parent", ["99", "1"])
def test_only_what_is_shown_can_be_replied_to(browser: FlaskClient, services: Services, parent: str) -> None:
    press(browser)
    answer = press(browser, parent=parent, text="my reply")
    assert answer.status_code == 409
    assert "You can send yours as a new comment. What you typed is still here." in answer.text
    assert "my reply" in answer.text
    assert 'name="parent"' not in answer.text
    assert browser.get(f"{PAGE}?reply={parent}").status_code == 404
    assert len(stored(services)) == 1


@pytest.mark.parametrize("query", ["page=2", "page=-1", "page=99999999999999999999", "page=0"])
def test_there_is_no_page_beyond_the_comments(browser: FlaskClient, query: str) -> None:
    assert browser.get(f"{PAGE}?{query}").status_code == 404


@pytest.mark.parametrize("query", ["reply=x", "reply=-1", "reply=99999999999999999999", "done=x", "page=x"])
def test_an_invalid_parameter_is_ignored(browser: FlaskClient, query: str) -> None:
    assert browser.get(f"{PAGE}?{query}").status_code == 200


@pytest.mark.parametrize("slug", [sample_services.WAITING, "nothing", "%00"])
def test_an_issue_that_is_not_out_has_no_comments(browser: FlaskClient, services: Services, slug: str) -> None:
    assert browser.get(f"/archive/{slug}/comments").status_code == 404
    assert press(browser, f"/archive/{slug}/comments").status_code == 404
    assert stored(services) == []


@pytest.mark.parametrize("rule", [{"comments": "off"}, {"close_comments_after": 1}])
def test_a_closed_issue_shows_its_comments_and_takes_no_more(
    browser: FlaskClient, services: Services, rule: dict[str, object]
) -> None:
    press(browser)
    approve(services)
    set_rule(services, **rule)
    for where in (ISSUE, PAGE):
        page = browser.get(where).text
        assert "It <em>helped</em> me." in page
        assert "#write" not in page
        assert "<textarea" not in page
    late = press(browser, text="Too late")
    assert late.status_code == 409
    assert "Comments on this issue are closed." in late.text
    assert "Too late" in late.text
    assert len(stored(services)) == 1


def test_an_issue_is_open_for_as_many_days_as_the_publication_says(
    browser: FlaskClient, services: Services, clock: Clock
) -> None:
    out = sample_services.NOW - timedelta(weeks=1)
    clock.moment = out + timedelta(days=90, seconds=-1)
    assert press(browser).status_code == 303
    clock.moment = out + timedelta(days=90)
    assert press(browser, text="late").status_code == 409
    set_rule(services, close_comments_after=0)
    clock.turn(days=9_999)
    assert press(browser, text="never late").status_code == 303


def test_reports_need_a_button_and_count_once_for_each_client(browser: FlaskClient, services: Services) -> None:
    press(browser)
    approve(services)
    report = f"{PAGE}/1/report"
    page = browser.get(report)
    assert "Report this comment?" in page.text
    assert stored(services)[0].reports == 0
    for _ in range(3):
        assert "We will look at this comment." in browser.post(report, follow_redirects=True).text
    assert stored(services)[0].reports == 1
    for client in ("198.51.100.7", "2001:db8::7"):
        browser.post(report, environ_overrides={"REMOTE_ADDR": client})
    assert stored(services)[0].state is CommentState.WAITING
    assert browser.get(report).status_code == 404
    assert browser.post(report).status_code == 404


def test_one_client_can_report_only_so_often_in_an_hour(browser: FlaskClient, services: Services) -> None:
    press(browser)
    approve(services)
    codes = [browser.post(f"{PAGE}/1/report").status_code for _ in range(services.audience.caps.client + 1)]
    assert codes[-2:] == [303, 429]


def test_a_readers_comments_are_among_their_data_and_go_with_them(
    browser: FlaskClient, services: Services, reader: Subscription, key: str, clock: Clock
) -> None:
    press(browser, key, text="by my link")
    press(browser, email="ADA@example.org", text="by my address")
    press(browser)
    manage = urlsplit(services.links.manage(reader.id, clock())).path
    data = browser.get(f"{manage}/my-data.json").json["comments"]
    assert [(one["text"], one["issue"]) for one in data] == [("by my link", SLUG), ("by my address", SLUG)]
    assert "by my address" in browser.get(f"{manage}/my-data").text
    with services.sessions.begin() as session:
        privacy.erase_reader(session, services.audience, subscribers.find(session, "ada@example.org"), clock())
    assert [one.email for one in stored(services)] == [WORDS["email"]]


def test_each_letter_of_an_issue_has_its_readers_own_link_unless_comments_are_off(
    browser: FlaskClient, services: Services, reader: Subscription
) -> None:
    for rule, is_there in (("held", True), ("off", False)):
        set_rule(services, comments=rule)
        with services.sessions.reading() as session:
            issue = issue_store.find(session, sample_services.WAITING)
            letter = build_letter.draft_letter(issue, services.letters, sample_services.NOW)
        copy = ClaimedCopy(1, 1, reader.id, "ada@example.org", "Ada", 0, since=None)
        message = email.message_from_bytes(
            compose.compile(letter.content, services.links).message(copy, sample_services.NOW),
            policy=email.policy.default,
        )
        own = services.links.comments(services.links.archive(sample_services.WAITING), reader.id)
        for kind in ("plain", "html"):
            part = message.get_body((kind,))
            assert part
            assert (own in part.get_content()) is is_there
    # The page of that issue is not there before it is out.
    assert browser.get(sample_services.path_of(own)).status_code == 404
    harmless = LinksOfATest.from_links(services.links).comments(services.links.archive(SLUG), reader.id)
    assert "signs what its reader writes there" in browser.get(sample_services.path_of(harmless)).text


def test_somebody_who_only_commented_is_erased_too(browser: FlaskClient, services: Services, clock: Clock) -> None:
    press(browser)
    press(browser, email="else@example.org")
    with services.sessions.begin() as session:
        assert privacy.find_address(session, "ZOFIA@example.org") == "ZOFIA@example.org"
        assert privacy.erase(session, services.audience, "ZOFIA@example.org", clock()) is None
    assert [one.email for one in stored(services)] == ["else@example.org"]
    with services.sessions.reading() as session:
        assert erasures.erased_at_address(session, services.links.seal, "zofia@example.org") == clock()
    with services.sessions.begin() as session, pytest.raises(NotFound):
        privacy.erase(session, services.audience, WORDS["email"], clock())


def test_the_privacy_page_tells_of_comments_unless_they_are_off(browser: FlaskClient, services: Services) -> None:
    assert "The address that you give with a comment is never shown" in " ".join(browser.get("/privacy").text.split())
    set_rule(services, comments="off")
    page = browser.get("/privacy").text
    assert "comment" not in page.partition("<article")[2].partition("</article>")[0]
