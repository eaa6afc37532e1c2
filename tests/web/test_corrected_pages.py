import json
import re
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient

from newsletter.editorial.issues import issue_store
from newsletter.wiring import Services
from tests import amending, sample_services
from tests.web.test_feeds import ATOM, SITEMAP

pytestmark = pytest.mark.usefixtures("stocked")

SLUG = sample_services.OUT[0]
PAGE = f"/archive/{SLUG}/"
NOTE = "We wrote “ten hours” & meant <ten> minutes."


def amend(services: Services, now: datetime, note: str = NOTE) -> None:
    """Another title, another first line, and a note."""
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        source = re.sub(r"\ntitle: .*", "\ntitle: Unwind a stiff back", issue.revision.source, count=1)
        number = len(issue.corrections) + 1
        amending.amend(session, issue, source + f"\nAmended {number} times.\n", note, "ann@press.example", now)


def test_a_corrected_issue_shows_its_new_text_under_a_dated_note(program: FlaskClient, services: Services, now) -> None:
    assert "Corrected" not in program.get(PAGE).text
    amend(services, now + timedelta(days=11))
    page = program.get(PAGE).text
    note = re.search(r'<div class="corrected".*?</div>', page, re.DOTALL)[0]
    assert "Corrected on <time" in note
    assert ">Tuesday 1 December 2026</time>" in note
    assert "We wrote “ten hours” &amp; meant &lt;ten&gt; minutes." in note
    assert page.index(note) < page.index('<div class="prose">')
    assert "<h1>Unwind a stiff back</h1>" in page
    assert "Amended 1 times." in page


def test_several_notes_stand_newest_first(program: FlaskClient, services: Services, now) -> None:
    amend(services, now, "The first.")
    amend(services, now + timedelta(days=1), "The second.")
    page = program.get(PAGE).text
    assert 0 < page.index("The second.") < page.index("The first.")


def test_machines_are_told_when_it_was_corrected(program: FlaskClient, services: Services, now) -> None:
    later = now + timedelta(days=11)
    published = json.loads(re.search(r'ld\+json">(.*?)</script>', program.get(PAGE).text)[1])["@graph"][0]
    assert published["dateModified"] == published["datePublished"]
    amend(services, later)
    page = program.get(PAGE).text
    article = json.loads(re.search(r'ld\+json">(.*?)</script>', page)[1])["@graph"][0]
    assert (article["dateModified"], article["correction"]) == (later.isoformat(), [NOTE])
    assert article["datePublished"] == published["datePublished"]
    assert f'<meta property="article:modified_time" content="{later.isoformat()}">' in page


def test_the_feed_and_the_sitemap_tell_the_newer_date_and_the_feed_the_note(
    program: FlaskClient, services: Services, now
) -> None:
    later = now + timedelta(days=11)
    amend(services, later)
    feed = ET.fromstring(program.get("/feed.xml").data)  # noqa: S314  (our own)
    entry = next(one for one in feed.findall("a:entry", ATOM) if SLUG in one.findtext("a:id", "", ATOM))
    assert entry.findtext("a:updated", "", ATOM) == feed.findtext("a:updated", "", ATOM) == later.isoformat()
    assert entry.findtext("a:published", "", ATOM) < later.isoformat()
    content = entry.findtext("a:content", "", ATOM)
    assert content.startswith("<div")
    assert "meant &lt;ten&gt; minutes." in content
    sitemap = ET.fromstring(program.get("/sitemap.xml").data)  # noqa: S314  (our own)
    told = {
        one.findtext("s:loc", "", SITEMAP): one.findtext("s:lastmod", "", SITEMAP)
        for one in sitemap.findall("s:url", SITEMAP)
    }
    assert told[f"{sample_services.BASE_URL}{PAGE}"] == later.isoformat()


@pytest.mark.parametrize("path", [PAGE, f"/archive/{sample_services.OUT[1]}/", "/archive/", "/feed.xml"])
def test_what_shows_a_corrected_issue_is_new_again(program: FlaskClient, services: Services, now, path: str) -> None:
    answer = program.get(path)
    amend(services, now + timedelta(days=1))
    dated = {"If-Modified-Since": answer.headers["Last-Modified"]}
    assert program.get(path, headers=dated).status_code == 200
    assert "Unwind a stiff back" in program.get(path).text
