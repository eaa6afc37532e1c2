from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.db import Sessions
from newsletter.editorial.external_checks import link_checks, spam_checks
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue
from newsletter.editorial.source import issue_file
from newsletter.editors import Role
from newsletter.outbound import Answer
from newsletter.wiring import Services
from newsletter.workflows import issue_readiness, prepare_issue, publish
from tests import sample_services
from tests.originals import Fill, empty
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

NHS = "https://www.nhs.uk/conditions/back-pain/"
SOURCE = f"""---
title: A sore back
subject: What to do about a sore back
preheader: A short routine for the end of a long day at the desk.
reviewed_by: The desk, 20 November 2026
sources: [{{title: NHS, url: "{NHS}"}}]
---
Lie down for a while. It cures every back.

TODO: name a doctor.
"""
PAGE = "/desk/issues/sore/"
PREFLIGHT = f"{PAGE}preflight"
JUDGE = f"{PAGE}write/preflight"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def filled() -> Fill:
    return empty


@pytest.fixture
def services(sessions: Sessions, tmp_path: Path, now: datetime) -> Services:
    """One issue with faults, and links may be asked."""
    made = sample_services.build(sessions, tmp_path, link_checks=True)
    sample_services.open_publication(made, now)
    with sessions.begin() as session:
        save(SOURCE, session, now)
    return made


def save(source: str, session: Session, now: datetime) -> None:
    """Store this text as the issue's."""
    text = issue_store.Text(issue_file.parse(source, "2026-11-24-sore.md"), "2026-11-24-sore.md", {})
    issue_store.save(session, publications.find(session), text, issue_store.BY_FILE, now)


def made_ready(session: Session, services: Services, now: datetime) -> Issue:
    """The issue, with nothing that blocks it, and ready."""
    save(SOURCE.replace("TODO: name", "Call"), session, now)
    issue = issue_store.find(session, "sore")
    issue_readiness.mark_ready(session, issue, services.links)
    return issue


@pytest.fixture
def author(enter: Enter) -> Visitor:
    return enter(Role.AUTHOR)


def test_each_finding_says_why_and_how_and_leads_to_its_line(author: Visitor) -> None:
    page = author.open(PAGE)
    said = words(page)
    assert "1 blocking 1 warning 1 note" in said
    assert (
        "A placeholder is left in the text. Line 10 Write what belongs there. Why TK and TODO are how writers" in said
    )
    assert "“cures” promises more than can be proved. Line 8 Say what is known" in said
    assert 'href="/desk/issues/sore/write?line=10"' in page.text
    assert "FTC, Health Products Compliance Guidance (2022)" in said


def test_who_may_not_write_reads_the_line_and_has_nothing_to_press(enter: Enter) -> None:
    page = enter(Role.VIEWER).open(PAGE)
    assert "Line 10" in words(page)
    assert "write?line=" not in page.text
    assert PREFLIGHT not in page.text.replace(f'data-hx-get="{PREFLIGHT}"', "")


def test_the_size_is_told_by_block_with_the_line_of_each(author: Visitor) -> None:
    said = words(author.open(PAGE))
    assert "of 102,400 bytes Gmail shows all of it." in said
    assert "Paragraph Lie down for a while. It cures every back. 8" in said


def test_an_issue_with_only_notes_has_nothing_to_mend(author: Visitor, services: Services, now: datetime) -> None:
    sound = SOURCE.replace("It cures every back.", "").replace("TODO: name", "Call")
    with services.sessions.begin() as session:
        save(sound, session, now)
    said = words(author.open(PAGE))
    assert "Preflight Nothing to fix." in said
    assert "Notes 1 The spam filter has not checked it" in said


def test_links_are_asked_when_somebody_asks_and_told_when_they_answer(
    author: Visitor, services: Services, now: datetime
) -> None:
    assert "hx-get" not in author.open(PAGE).text
    assert author.press(PAGE, PREFLIGHT).location == f"{PAGE}#preflight"
    page = author.open(PAGE)
    assert f'data-hx-get="{PREFLIGHT}" data-hx-trigger="every 2s"' in page.text
    assert "1 link is being checked. The spam filter is reading it." in words(page)
    with services.sessions.begin() as session:
        link_checks.record(session, Answer(NHS, 404, NHS), now)
        content = prepare_issue.prepare(issue_store.find(session, "sore"), services.links).mail.content_hash
        spam_checks.record(session, content, spam_checks.NOT_INSTALLED, now)
    part = author.client.get(PREFLIGHT, headers=HTMX)
    assert "Source “NHS” leads to a page that is gone (404). Line 6 Find its new address." in words(part)
    assert "The one link has been checked." in words(part)
    assert ("hx-get" in part.text, "<html" in part.text) == (False, False)
    assert "Check links and spam score again" in words(author.open(PAGE))


def test_the_part_of_the_page_asked_for_by_itself_is_the_page(author: Visitor) -> None:
    assert author.open(PREFLIGHT).location == f"{PAGE}#preflight"


def test_nothing_is_asked_about_an_issue_that_is_past_it(
    app: Flask, author: Visitor, services: Services, now: datetime
) -> None:
    assert app
    fields = hidden(author.open(PAGE).text, PREFLIGHT)
    with services.sessions.begin() as session:
        issue = made_ready(session, services, now)
        publish.schedule_next(session, services.letters, issue, now, grace=services.grace)
    assert author.client.post(PREFLIGHT, data=fields).status_code == 409
    assert author.client.get(PREFLIGHT, headers=HTMX).status_code == 303
    assert "It passed when it was scheduled" in words(author.open(PAGE))


def test_the_review_of_a_correction_shows_what_was_found_since_by_itself(
    author: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        issue = made_ready(session, services, now)
        publish.send_now(session, services.letters, issue, now)
        link_checks.request_checks(session, [NHS], now)
    page = author.open(f"{PAGE}corrections/new")
    assert "1 link is being checked." in words(page)
    assert f'data-hx-get="{PAGE}corrections/new" data-hx-trigger="every 2s" data-hx-select="#findings"' in page.text
    assert "htmx.min.js" in page.text


def test_a_text_that_is_typed_is_judged_and_kept_nowhere(author: Visitor, services: Services) -> None:
    form = hidden(author.open(f"{PAGE}write").text) | {"source": SOURCE + "\nFIXME and {{ nam }}\n", "base": "1"}
    before = sample_services.dump(services)
    answer = author.client.post(JUDGE, data=form)
    assert answer.status_code == 200
    part = answer.json["html"]
    assert "3 blocking" in part
    assert "Unknown field &#34;nam&#34;" in part
    assert 'data-field="body" data-line="3"' in part
    assert sample_services.dump(services) == before


def test_a_text_that_cannot_be_printed_still_says_why(author: Visitor) -> None:
    form = hidden(author.open(f"{PAGE}write").text) | {"source": "no front matter", "base": "1"}
    answer = author.client.post(JUDGE, data=form)
    assert answer.status_code == 200
    assert "front matter is missing" in answer.json["html"].lower()
