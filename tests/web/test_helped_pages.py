"""“Did this help?”: two links in each letter, a page with one button, and a count."""

import re
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter.audience import refusals
from newsletter.audience.refusals import FormKind, Reason
from newsletter.editorial.issues import issue_store
from newsletter.engagement import helpfulness
from newsletter.wiring import Services
from newsletter.workflows import issue_report, prepare_issue
from tests import sample_services

pytestmark = pytest.mark.usefixtures("stocked")

SLUG = sample_services.OUT[0]
PAGE = f"/archive/{SLUG}/helped"


def answers(services: Services) -> helpfulness.Helpfulness | None:
    with services.sessions.reading() as session:
        return issue_report.issue_report(session, issue_store.find(session, SLUG)).result.helpfulness


def test_the_links_of_a_letter_lead_to_the_page_of_their_answer(browser: FlaskClient, services: Services) -> None:
    with services.sessions.reading() as session:
        mail = prepare_issue.prepare(issue_store.find(session, SLUG), services.links).mail
    archive_url = sample_services.path_of(services.links.archive(SLUG))
    links = re.findall(r'href="\{\{ archive_url \}\}(helped[^"]*)"', mail.html)
    assert [link in mail.text for link in links] == [True, True]
    pressed = [re.findall(r'name="answer" value="(\w+)"', browser.get(archive_url + link).text) for link in links]
    assert pressed == [["yes"], ["no"]]


def test_looking_counts_nothing_and_pressing_counts_one(browser: FlaskClient, services: Services) -> None:
    for answer in ("yes", "no"):
        browser.get(PAGE, query_string={"answer": answer})
        browser.head(PAGE, query_string={"answer": answer})
    assert answers(services) is None
    for answer in ("yes", "yes", "no"):
        assert "Thank you" in browser.post(PAGE, data={"answer": answer}, follow_redirects=True).text
    assert answers(services) == (2, 1)


def test_one_client_can_answer_only_so_often_in_an_hour(
    browser: FlaskClient, services: Services, now: datetime
) -> None:
    caps = services.audience.caps
    codes = [browser.post(PAGE, data={"answer": "yes"}).status_code for _ in range(caps.client + 1)]
    assert codes == [303] * caps.client + [429]
    with services.sessions.reading() as session:
        assert refusals.of_last_week(session, now, FormKind.HELPED) == {Reason.CLIENT_CAP: 1}
    assert answers(services) == (caps.client, 0)


@pytest.mark.parametrize("slug", [sample_services.WAITING, "nothing", "%00"])
def test_an_issue_that_is_not_out_takes_no_answers(browser: FlaskClient, services: Services, slug: str) -> None:
    assert browser.get(f"/archive/{slug}/helped").status_code == 404
    assert browser.post(f"/archive/{slug}/helped", data={"answer": "yes"}).status_code == 404
    with services.sessions.reading() as session:
        assert session.scalars(select(helpfulness.AnswerCount)).all() == []


@pytest.mark.parametrize("answer", ["", "perhaps", "yes\0", "é" * 10_000])
def test_an_answer_that_is_neither_is_none(browser: FlaskClient, services: Services, answer: str) -> None:
    assert browser.post(PAGE, data={"answer": answer}).status_code == 404
    assert browser.get(PAGE, query_string={"answer": answer}).status_code == 404
    assert answers(services) is None
