"""The three feeds by the W3C validator's rules; and that these find what is wrong."""

from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient

from newsletter.wiring import Services
from tests import sample_services
from tests.web import feed_rules
from tests.web.test_archive_pages import publish
from tests.web.test_corrected_pages import amend

JUDGES = {"xml": feed_rules.atom_faults, "rss": feed_rules.rss_faults, "json": feed_rules.json_faults}
STRANGE = "<b>\"Bold\" & 'brave'</b> ]]> ☕ مرحبا"
BODY = """[there](https://host.example/?a=1&b), [mail](mailto:a@host.example), [Wörter](https://host.example/ä b)

## Here

|a|
|--:|
| <script>2 |

~~gone~~ *so* **very** `code`

3. three
4. four

> [!NOTE]
> noted

---

> quoted

    <b>indented
"""


def faults(program: FlaskClient, asked: str = "") -> dict[str, list[str]]:
    found = {}
    for ending, judge in JUDGES.items():
        path = f"/feed.{ending}{asked}"
        found[ending] = judge(program.get(path).data, f"{sample_services.BASE_URL}{path}", sample_services.NOW)
    return found


NONE: dict[str, list[str]] = {"xml": [], "rss": [], "json": []}


def test_a_feed_without_issues_keeps_the_rules(program: FlaskClient) -> None:
    assert faults(program) == NONE


@pytest.mark.usefixtures("stocked")
def test_the_feeds_of_the_shipped_issues_keep_the_rules(program: FlaskClient, services: Services, now) -> None:
    amend(services, now)
    assert faults(program) == NONE


@pytest.mark.usefixtures("stocked")
def test_strange_titles_and_texts_break_no_rule(program: FlaskClient, services: Services, now) -> None:
    publish(services, now, "a-probe", STRANGE, BODY)
    assert faults(program) == NONE


@pytest.mark.usefixtures("stocked")
def test_a_summary_is_read_as_words_where_rss_expects_html(program: FlaskClient, services: Services, now) -> None:
    publish(services, now, "a-probe", "5 < 6 & <i>so on</i>")
    item = ET.fromstring(program.get("/feed.rss").data).find("channel/item")  # noqa: S314  (our own)
    assert item.findtext("description") == "5 &lt; 6 &amp; &lt;i&gt;so on&lt;/i&gt;"


@pytest.mark.usefixtures("stocked")
def test_an_issue_without_a_summary_is_described_by_its_text(program: FlaskClient, services: Services, now) -> None:
    sample_services.send(services, "backpainhelp", "elsewhere", now)
    assert faults(program) == NONE
    item = ET.fromstring(program.get("/feed.rss").data).find("channel/item")  # noqa: S314  (our own)
    assert item.findtext("description").strip() == "<p>Text.</p>"


@pytest.mark.usefixtures("stocked")
def test_the_feeds_of_a_second_publication_keep_the_rules(program: FlaskClient, services: Services, now) -> None:
    sample_services.open_another_publication(services, now)
    sample_services.send(services, "other", "elsewhere", now)
    assert faults(program, "?publication=other") == NONE


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize(
    ("ending", "right", "wrong"),
    [
        ("rss", b"<language>en", b"<language>e"),
        ("rss", b"<pubDate>Fri", b"<pubDate>Mon"),
        ("rss", b'rel="self"', b'rel="other"'),
        ("rss", b'isPermaLink="true">https:', b'isPermaLink="true">'),
        ("rss", b"&lt;p&gt;", b"&lt;script&gt;"),
        ("rss", b"href=&#34;https://", b"href=&#34;/"),
        ("rss", b"<title>BackPainHelp", b"<title>&lt;b&gt;BackPainHelp"),
        ("xml", b"<id>https", b"<id>tag"),
        ("xml", b"<updated>20", b"<updated>"),
        ("xml", b"<name>", b"<label>"),
        ("xml", b' xml:lang="en"', b""),
        ("rss", b"<guid", b"<author>a@host.example (A)</author><guid"),
        ("rss", b'isPermaLink="true"', b'isPermaLink="yes"'),
        ("rss", b"<lastBuildDate>Fri, 13 Nov 2026", b"<lastBuildDate>Sat, 13 Nov 2027"),
        ("rss", b"xmlns:dc=", b"xmlns:core="),
        ("rss", b"<description>", b"<comments>"),
        ("rss", b'version="1.0" encoding="utf-8"', b'version="1.0"'),
        ("rss", b"&lt;/p&gt;", b""),
        ("rss", b"&lt;p&gt;", b"&lt;p role=&#34;note&#34;&gt;"),
        ("rss", b"&lt;p&gt;", b"&lt;p style=&#34;position:fixed&#34;&gt;"),
        ("rss", b"<title>Unwind", b"<title></title><title>Unwind"),
        ("rss", b"<title>Unwind", b"<title>Unwind\xc2\x92"),
        ("xml", b"<author>", b"<maker/><author>"),
        ("xml", b' rel="alternate"', b' rel="page"'),
        ("xml", b'type="application/atom+xml"', b'type="application/xml"'),
        ("xml", b"/</id>", b"/%c3%a4</id>"),
        ("xml", b"</id>", b" </id>"),
        ("xml", b"<updated>2026", b"<updated>1926"),
        ("xml", b"<summary>", b"<summary></summary><summary>"),
        ("xml", b"</feed>", b"<rights>Ours</rights></feed>"),
        ("xml", b"<feed ", b"<!DOCTYPE feed><feed "),
        ("json", b"version/1.1", b"version/1"),
        ("json", b'"id"', b'"key"'),
        ("json", b"T12:", b" 12:"),
    ],
)
def test_the_rules_find_what_is_wrong(program: FlaskClient, ending: str, right: bytes, wrong: bytes) -> None:
    document = program.get(f"/feed.{ending}").data
    assert right in document
    broken = document.replace(right, wrong)
    for name in (b"name", b"description"):
        if right == b"<%s>" % name:
            broken = broken.replace(b"</%s>" % name, wrong.replace(b"<", b"</"))
    broken = broken.replace(b"dc:creator", b"core:creator") if right == b"xmlns:dc=" else broken
    assert JUDGES[ending](broken, f"{sample_services.BASE_URL}/feed.{ending}", sample_services.NOW)
