"""No word that a reader sees is in no catalogue: in a language of other letters, no page or mail has any left."""

import html
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from newsletter import publications
from newsletter.audience.models import Subscription
from newsletter.delivery.message import merge
from newsletter.delivery.message.content import PURPOSES, Purpose
from newsletter.delivery.message.permission_reminder import reminder
from newsletter.editorial.rendering import render
from newsletter.editorial.rendering.branding import Branding, Link
from newsletter.editorial.rendering.render import FIELDS
from newsletter.editorial.source import issue_file
from newsletter.wiring import Services
from tests import pseudo_catalogue, sample_services

FORMS = ("/subscribe", "/subscribe/backpainhelp", "/embed/backpainhelp", "/link", "/ask", "/book", "/ask?done=sent")
ARCHIVE = ("/", "/archive/", "/archive/?tag=massage", "/search?q=back", "/search?q=zzz", "/search?q=%25", "/privacy")
REFUSED = (
    "/nothing",
    "/archive/nothing/",
    "/archive/?page=99",
    "/archive/?tag=nothing",
    "/confirm/x",
    "/unsubscribe/x",
)
TEAM = {kind for kind, purpose in PURPOSES.items() if purpose is Purpose.TEAM}
MAILS = sorted(FIELDS.keys() - TEAM - {"issue", "correction", "digest"})
# Of publications, issues and addresses, and names that no language translates.
DATA = r"massage|BackPainHelp|Back &amp; Forth|Back & Forth|[^\s@]+@[\w.-]+|https?://\S+|Europe/Warsaw|UTC|JSON|SHA-256|Message-ID"
BRANDING = Branding("Back & Forth", "", "ar", "1 - 2", "https://letters.example.org/", takes_comments=True)


@pytest.fixture(autouse=True)
def pseudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with pseudo_catalogue.installed(tmp_path / "catalogues", monkeypatch):
        yield


@pytest.fixture
def arabic(stocked: Services) -> Services:
    """A publication in Arabic, whose issues have no words of their own on lists."""
    with stocked.sessions.begin() as session:
        home = publications.first(session)
        assert home
        home.language, home.tagline, home.description, home.postal_address = "ar", "", "", "1"
        home.follow = []
    return stocked


def latin_words(page: str) -> set[str]:
    """The words in Latin letters that a page shows or a screen reader says."""
    body = page[page.index("<body") :] if "<body" in page else page
    # What editors wrote: the lists of issues, and what an issue holds.
    body = re.sub(r"<(article|script|style|select|address|mark)\b.*?</\1>", " ", body, flags=re.DOTALL)
    body = re.sub(r'<(nav|section) class="links".*?</\1>', " ", body, flags=re.DOTALL)
    said = re.findall(r'\b(?:aria-label|alt|title|placeholder)="([^"]*)"', body)
    text = html.unescape(" ".join([*re.sub(r"<[^>]*>", " ", body).split(), *said]))
    return set(re.findall(r"[A-Za-z]{2,}", re.sub(DATA, " ", text)))


@pytest.mark.usefixtures("arabic")
@pytest.mark.parametrize("path", [*FORMS, *ARCHIVE, *REFUSED])
def test_no_word_of_a_page_is_left_untranslated(browser: FlaskClient, path: str) -> None:
    page = browser.get(path).text
    assert '<html lang="ar" dir="rtl">' in page
    assert latin_words(page) == set()


@pytest.mark.usefixtures("arabic")
def test_no_word_of_a_form_that_is_refused_is_left_untranslated(browser: FlaskClient) -> None:
    for path in ("/subscribe", "/link", "/ask"):
        page = browser.post(path, data={"email": "nobody", "name": "x" * 200, "topic": "?"}).text
        assert latin_words(page) == set(), path


@pytest.mark.parametrize("part", ["", "/sent"])
def test_no_word_of_a_readers_pages_is_left_untranslated(
    arabic: Services, browser: FlaskClient, reader: Subscription, now: datetime, part: str
) -> None:
    mine = sample_services.path_of(arabic.links.manage(reader.id, now))
    leave = sample_services.path_of(arabic.links.unsubscribe(reader.id))
    assert latin_words(browser.get(mine + part).text) == set()
    assert latin_words(browser.post(mine, data={"do": "pause", "until": "x"}).text) == set()
    assert latin_words(browser.get(leave).text) == set()
    assert latin_words(browser.post(leave).text) == set()


@pytest.mark.parametrize("kind", MAILS)
def test_no_word_of_a_letter_is_left_untranslated(kind: str) -> None:
    mail = render.single_mail(kind, BRANDING, Link("12", "https://letters.example.org/archive/12/"))
    assert '<html lang="ar" dir="rtl"' in mail.html
    values = {field: f"https://x.example/{field}" for field in FIELDS[kind] if field.endswith("_url")}
    for part in (mail.subject, mail.preheader, mail.text, mail.html):
        assert latin_words(merge.compile(part, FIELDS[kind]).fill(values, merge.as_html)) == set()


def test_no_word_around_an_issue_is_left_untranslated() -> None:
    head = "title: '12'\nsubject: '12 34 56 78 90'\npreheader: '12'\nauthor: '34'\nreviewed_by: '56'\n"
    file = issue_file.parse(f"---\n{head}---\n> [!TIP]\n> 1\n\n[2](https://x.example/)\n", "2026-11-24-twelve.md")
    values = {field: f"https://x.example/{field}" for field in FIELDS["issue"] if field.endswith("_url")}
    values |= {"email": "a@b.example", "why": reminder(None, None, ZoneInfo("UTC"), "ar")}
    for mail in (render.issue_mail(file, BRANDING, str), render.correction_mail(file, BRANDING, "12")):
        for part in (mail.subject, mail.preheader, mail.text, mail.html):
            assert latin_words(merge.compile(part, FIELDS["issue"]).fill(values, merge.as_html)) == set()
