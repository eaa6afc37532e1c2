"""The three feeds by the W3C validator's rules; and that these find what is wrong."""

import pytest
from flask.testing import FlaskClient

from newsletter.wiring import Services
from tests import sample_services
from tests.web import feed_rules
from tests.web.test_archive_pages import publish
from tests.web.test_corrected_pages import amend

JUDGES = {"xml": feed_rules.atom_faults, "rss": feed_rules.rss_faults, "json": feed_rules.json_faults}
STRANGE = "<b>\"Bold\" & 'brave'</b> ]]> ☕ مرحبا"
BODY = "[there](https://host.example/?a=1&b), [mail](mailto:a@host.example)\n\n## Here\n\n|a|\n|--:|\n| <script>2 |\n"


def faults(program: FlaskClient, asked: str = "") -> dict[str, list[str]]:
    found = {}
    for ending, judge in JUDGES.items():
        path = f"/feed.{ending}{asked}"
        found[ending] = judge(program.get(path).data, f"{sample_services.BASE_URL}{path}")
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
        ("json", b"version/1.1", b"version/1"),
        ("json", b'"id"', b'"key"'),
        ("json", b"T12:", b" 12:"),
    ],
)
def test_the_rules_find_what_is_wrong(program: FlaskClient, ending: str, right: bytes, wrong: bytes) -> None:
    document = program.get(f"/feed.{ending}").data
    assert right in document
    broken = document.replace(right, wrong).replace(b"</name>", b"</label>" if right == b"<name>" else b"</name>")
    assert JUDGES[ending](broken, f"{sample_services.BASE_URL}/feed.{ending}")
