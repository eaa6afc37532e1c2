import json
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient

from newsletter import publications
from newsletter.web.public import feeds
from newsletter.wiring import Services
from tests import sample_services
from tests.web.test_archive_pages import publish

ATOM = {"a": "http://www.w3.org/2005/Atom"}
SITEMAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def feed(program: FlaskClient) -> ET.Element:
    answer = program.get("/feed.xml")
    assert answer.mimetype == "application/atom+xml"
    return ET.fromstring(answer.data)  # noqa: S314  (our own)


@pytest.mark.usefixtures("stocked")
def test_the_feed_holds_the_issues_in_full_newest_first(program: FlaskClient) -> None:
    entries = feed(program).findall("a:entry", ATOM)
    assert [entry.findtext("a:id", "", ATOM) for entry in entries] == [
        f"{sample_services.BASE_URL}/archive/{slug}/" for slug in reversed(sample_services.OUT)
    ]
    content = entries[1].findtext("a:content", "", ATOM)
    assert "<h2" in content
    assert f'src="{sample_services.BASE_URL}/pictures/' in content


@pytest.mark.usefixtures("stocked")
def test_the_feed_has_what_atom_asks_for(program: FlaskClient) -> None:
    root = feed(program)
    for part in (root, *root.findall("a:entry", ATOM)):
        for name in ("id", "title", "updated", "author/a:name"):
            assert part.findtext(f"a:{name}", "", ATOM), (part.tag, name)
    assert root.find("a:link[@rel='self']", ATOM).get("href") == f"{sample_services.BASE_URL}/feed.xml"
    assert root.findtext("a:updated", "", ATOM) == root.findtext("a:entry/a:updated", "", ATOM)


@pytest.mark.usefixtures("stocked")
def test_characters_that_mean_something_in_xml_are_printed(program: FlaskClient, services: Services, now) -> None:
    publish(services, now, "a-probe", "Ampersands & <angles>")
    assert "Ampersands & <angles>" in [title.text for title in feed(program).findall("a:entry/a:title", ATOM)]


def test_a_feed_without_issues_is_a_feed(program: FlaskClient) -> None:
    assert feed(program).findtext("a:title", "", ATOM) == "BackPainHelp"


@pytest.mark.usefixtures("stocked")
def test_the_rss_feed_has_what_rss_asks_for(program: FlaskClient) -> None:
    answer = program.get("/feed.rss")
    assert answer.mimetype == "application/rss+xml"
    channel = ET.fromstring(answer.data).find("channel")  # noqa: S314  (our own)
    assert all(channel.findtext(name) for name in ("title", "link", "description", "language", "lastBuildDate"))
    assert channel.find("a:link[@rel='self']", ATOM).get("href") == f"{sample_services.BASE_URL}/feed.rss"
    dates = [parsedate_to_datetime(item.findtext("pubDate")) for item in channel.findall("item")]
    assert dates == sorted(dates, reverse=True)
    for item in channel.findall("item"):
        assert item.findtext("title")
        assert item.findtext("guid") == item.findtext("link")
        assert item.find("guid").get("isPermaLink") == "true"


@pytest.mark.usefixtures("stocked")
def test_the_json_feed_has_what_its_version_asks_for(program: FlaskClient) -> None:
    answer = program.get("/feed.json")
    assert answer.mimetype == "application/feed+json"
    told = json.loads(answer.data)
    assert told["version"] == "https://jsonfeed.org/version/1.1"
    assert (told["title"], told["feed_url"]) == ("BackPainHelp", f"{sample_services.BASE_URL}/feed.json")
    for item, slug in zip(told["items"], reversed(sample_services.OUT), strict=True):
        assert item["id"] == item["url"] == f"{sample_services.BASE_URL}/archive/{slug}/"
        assert datetime.fromisoformat(item["date_published"]) <= datetime.fromisoformat(item["date_modified"])


@pytest.mark.usefixtures("stocked")
def test_the_three_feeds_hold_the_same_text_with_its_reviewer_and_sources(program: FlaskClient) -> None:
    atom = feed(program).findtext("a:entry/a:content", "", ATOM)
    rss = ET.fromstring(program.get("/feed.rss").data)  # noqa: S314  (our own)
    encoded = rss.findtext("channel/item/{http://purl.org/rss/1.0/modules/content/}encoded")
    assert atom == encoded == json.loads(program.get("/feed.json").data)["items"][0]["content_html"]
    assert "<strong>Reviewed by</strong> BackPainHelp desk" in atom
    assert re.search(r'<h2>Sources</h2>\s*<ol>\s*<li><a href="https://', atom)


@pytest.mark.usefixtures("stocked")
def test_the_sitemap_lists_the_public_pages_and_nothing_else(program: FlaskClient) -> None:
    root = ET.fromstring(program.get("/sitemap.xml").data)  # noqa: S314  (our own)
    assert {place.text for place in root.findall("s:url/s:loc", SITEMAP)} == {
        f"{sample_services.BASE_URL}/",
        f"{sample_services.BASE_URL}/archive/",
        *(f"{sample_services.BASE_URL}/archive/{slug}/" for slug in sample_services.OUT),
    }


@pytest.mark.usefixtures("stocked")
def test_very_many_pages_are_listed_in_several_maps(program: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_A_MAP", 1)
    index = ET.fromstring(program.get("/sitemap.xml").data)  # noqa: S314  (our own)
    maps = [place.text or "" for place in index.findall("s:sitemap/s:loc", SITEMAP)]
    found = [ET.fromstring(program.get(sample_services.path_of(each)).data) for each in maps]  # noqa: S314
    pages = [place.text or "" for one in found for place in one.findall("s:url/s:loc", SITEMAP)]
    assert sorted(pages) == sorted(
        f"{sample_services.BASE_URL}{path}"
        for path in ("/", "/archive/", *(f"/archive/{slug}/" for slug in sample_services.OUT))
    )
    assert program.get("/sitemap.xml?page=9").status_code == 404


def test_robots_are_kept_from_keys_and_from_the_desk(program: FlaskClient) -> None:
    lines = program.get("/robots.txt").text.splitlines()
    assert {f"Disallow: /{place}/" for place in ("confirm", "desk", "preferences", "unsubscribe")} <= set(lines)
    assert f"Sitemap: {sample_services.BASE_URL}/sitemap.xml" in lines


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_control_character_that_was_kept_long_ago_breaks_no_feed(program: FlaskClient, services: Services) -> None:
    with services.sessions.begin() as session:
        publications.find(session).name = "Back\x0bPain\x1f Help\ufffe"
    assert feed(program).findtext("a:title", "", ATOM) == "BackPain Help"
