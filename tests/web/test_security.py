from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter.audience.models import Subscription
from newsletter.db import Sessions
from newsletter.web import create_app, security
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import Clock
from tests.web.conftest import browser_of

PUBLIC = (
    "/",
    "/subscribe",
    "/subscribe/backpainhelp",
    "/link",
    "/archive/",
    "/archive/unwind-a-tight-back/",
    "/search?q=back",
    "/feed.xml",
    "/feed.rss",
    "/feed.json",
    "/sitemap.xml",
    "/robots.txt",
)
MACHINES = ("/healthz", "/readyz", "/metrics", "/assets/site.css")
FRAMED = "/embed/backpainhelp"
ERRORS = ("/nothing", "/archive/nothing/", "/confirm/x", "/confirm/x/again", "/pictures/x.png", "/desk/nothing")
VOID = {"base", "meta", "link", "input", "br", "hr", "img", "source"}


@pytest.fixture
def keys(reader: Subscription, services: Services, now) -> list[str]:
    """The pages whose address is a key."""
    links, token = services.links, reader.id
    preferences = sample_services.path_of(links.preferences(token))
    confirm, leave = (
        sample_services.path_of(links.confirm(token, now)),
        sample_services.path_of(links.unsubscribe(token)),
    )
    mine = sample_services.path_of(links.manage(token, now))
    return [confirm, leave, preferences, mine, f"{mine}/my-data", f"{mine}/my-data.json"]


@pytest.mark.usefixtures("stocked")
def test_a_get_or_a_head_changes_nothing_anywhere(app: Flask, keys: list[str], services: Services) -> None:
    browser = browser_of(app)
    before = sample_services.dump(services)
    for path in (*PUBLIC, FRAMED, *MACHINES, *ERRORS, *keys):
        for method in ("GET", "HEAD", "OPTIONS"):
            assert browser.open(path, method=method, buffered=True).status_code not in {500, 501}, path
    assert sample_services.dump(services) == before


@pytest.mark.usefixtures("stocked")
def test_head_answers_as_get_without_the_body(program: FlaskClient) -> None:
    for path in PUBLIC:
        got, head = program.get(path), program.head(path)
        assert (head.status_code, head.data) == (got.status_code, b"")


@pytest.mark.usefixtures("stocked")
def test_every_answer_is_guarded_errors_included(program: FlaskClient, keys: list[str]) -> None:
    for path in (*PUBLIC, FRAMED, *MACHINES, *ERRORS, *keys):
        headers = program.get(path, buffered=True).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"], path
        assert "unsafe" not in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Strict-Transport-Security"] == "max-age=31536000", path
        assert {"Referrer-Policy", "Permissions-Policy", "Cross-Origin-Opener-Policy", "Cache-Control"} <= {
            *headers.keys()
        }


def test_only_the_form_for_frames_may_be_framed(program: FlaskClient, keys: list[str]) -> None:
    for path in (*PUBLIC, *ERRORS, *keys, "/embed/nothing", "/desk/"):
        assert "frame-ancestors 'none'" in program.get(path).headers["Content-Security-Policy"], path
    assert "frame-ancestors *" in program.get(FRAMED).headers["Content-Security-Policy"]


def test_a_page_whose_address_is_a_key_is_kept_told_and_listed_nowhere(program: FlaskClient, keys: list[str]) -> None:
    for path in (*keys, "/confirm/forged", "/unsubscribe/forged"):
        headers = program.get(path).headers
        assert {name: headers[name] for name in security.PRIVATE} == security.PRIVATE, path


def test_a_method_that_a_page_does_not_know_gets_a_calm_answer(program: FlaskClient) -> None:
    answer = program.put("/")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert "Go back to the page you came from" in answer.text


def test_a_form_that_carries_too_much_is_refused(browser: FlaskClient) -> None:
    answer = browser.post("/subscribe", data={"email": "x" * (security.FORM_BYTES + 1)})
    assert answer.status_code == 413
    assert "too much at once" in answer.text


def test_the_session_cookie_is_out_of_reach(browser: FlaskClient) -> None:
    cookie = browser.get("/subscribe").headers["Set-Cookie"]
    assert cookie.startswith("__Host-newsletter=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}


@pytest.mark.parametrize("path", ["/", "/archive", "/archive/", "/nothing", "/feed.xml", "/desk/"])
def test_a_strangers_host_header_is_reflected_nowhere(program: FlaskClient, path: str) -> None:
    answer = program.get(path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert "evil.example" not in answer.text
    assert "evil.example" not in str(answer.headers)


def test_an_address_in_the_path_is_printed_and_not_obeyed(program: FlaskClient) -> None:
    assert "<script>" not in program.get("/%3Cscript%3Ealert(1)%3C/script%3E").text


def test_the_clients_address_is_the_proxys_word_only_where_a_proxy_is_configured(
    sessions: Sessions, tmp_path, now
) -> None:
    for hops, remembered in ((0, "127.0.0.0/24"), (1, "203.0.113.0/24")):
        services = sample_services.build(sessions, tmp_path, proxy_hops=hops)
        sample_services.open_publication(services, now)
        browser = browser_of(create_app(services, Clock(now)))
        browser.environ_base["HTTP_X_FORWARDED_FOR"] = "198.51.100.7, 203.0.113.7"
        browser.post("/subscribe", data={"email": f"reader{hops}@example.org"})
        assert remembered in str(sample_services.dump(services)["consent_events"])


def test_over_plain_http_the_cookie_still_works(sessions: Sessions, tmp_path, now) -> None:
    services = sample_services.build(sessions, tmp_path, base_url="http://127.0.0.1:8000")
    sample_services.open_publication(services, now)
    headers = create_app(services).test_client().get("/subscribe").headers
    assert "Secure" not in headers["Set-Cookie"]
    assert "Strict-Transport-Security" not in headers


def test_an_asset_with_its_digest_may_be_kept_for_ever(program: FlaskClient) -> None:
    page = program.get("/").text
    address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    assert program.get(address, buffered=True).headers["Cache-Control"].endswith("immutable")


@pytest.mark.usefixtures("stocked")
def test_every_page_is_whole_markup(app: Flask, keys: list[str]) -> None:
    browser = browser_of(app)
    for path in (*PUBLIC[:5], FRAMED, *ERRORS[:5], *keys[:3]):
        checked = Markup()
        checked.feed(browser.get(path).text)
        assert checked.faults == [], path
        assert checked.open == [], path


class Markup(HTMLParser):
    """Finds tags that do not match, and ids that come twice."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        identity = dict(attributes).get("id")
        if identity in self.ids:
            self.faults.append(f"id {identity} comes twice")
        if identity:
            self.ids.add(identity)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()} closes nothing")
