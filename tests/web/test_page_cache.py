"""Pages from the cache of a server: the same for everybody, never early, and outdated for seconds at most."""

import re
from collections.abc import Callable

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from newsletter import editors
from newsletter.editorial.issues import issue_store
from newsletter.editors import Role
from newsletter.web.public import page_cache
from newsletter.web.public.page_cache import KEPT, LONGEST, MOST_BYTES, MOST_PAGES, PageCache, cacheable
from newsletter.wiring import Services
from newsletter.workflows import issue_readiness, publish
from tests import sample_services
from tests.sample_services import Clock
from tests.waiting import wait_for
from tests.web.conftest import Seconds
from tests.web.desk.visits import PASSWORD, Visitor, hashed
from tests.web.served import ask, served
from tests.web.test_corrected_pages import amend

pytestmark = pytest.mark.usefixtures("stocked")

PAGE, OTHER = (f"/archive/{slug}/" for slug in sample_services.OUT)
EVERY = (
    "/",
    PAGE,
    "/archive/",
    "/archive/?category=Health",
    "/archive/?tag=massage",
    "/feed.xml",
    "/feed.rss",
    "/feed.json",
    "/sitemap.xml",
    "/robots.txt",
    "/privacy",
)


@pytest.fixture
def cache(seconds: Seconds) -> PageCache:
    return PageCache(seconds)


@pytest.fixture
def app(app: Flask, cache: PageCache) -> Flask:
    page_cache.init_app(app, cache)
    return app


Shown = Callable[..., str]


@pytest.fixture
def shown(program: FlaskClient, clock: Clock) -> Shown:
    """When the page that is answered was rendered, as its form tells; each answer is a moment later than the last."""

    def ask_for(path: str = PAGE, **request: object) -> str:
        clock.turn(seconds=0.001)
        return re.search(r'name="shown" value="([^"]*)"', program.get(path, **request).text)[1]

    return ask_for


def test_a_page_is_rendered_once_for_all_who_open_it_within_seconds(shown: Shown, seconds: Seconds) -> None:
    first = shown()
    seconds.now += KEPT / 2
    assert shown() == first
    seconds.now += KEPT
    assert shown() != first


def test_a_kept_page_is_the_page_itself_with_all_its_headers(program: FlaskClient) -> None:
    for path in EVERY:
        rendered, kept = program.get(path), program.get(path)
        assert kept.data == rendered.data, path
        for answer in (kept, rendered):
            answer.headers.pop("Date", None)  # the second of each answer
        assert sorted(kept.headers) == sorted(rendered.headers), path
        assert {"ETag", "Content-Security-Policy", "X-Content-Type-Options"} <= set(kept.headers.keys())


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize("path", [PAGE, "/feed.xml"])
def test_who_has_a_page_is_told_so(program: FlaskClient, path: str, is_kept: bool, seconds: Seconds) -> None:
    page = program.get(path)
    for known in ({"If-None-Match": page.headers["ETag"]}, {"If-Modified-Since": page.headers["Last-Modified"]}):
        seconds.now += 0 if is_kept else LONGEST
        answer = program.get(path, headers=known)
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["ETag"] == page.headers["ETag"]
    # A 304 to one is the whole page for the next.
    assert program.get(path).data
    assert program.get(path, headers={"If-None-Match": '"another"'}).status_code == 200


def test_a_head_is_answered_without_the_page_and_keeps_all_of_it(program: FlaskClient) -> None:
    head, page, again = program.head(PAGE), program.get(PAGE), program.head(PAGE)
    assert (head.data, again.data) == (b"", b"")
    assert head.content_length == again.content_length == len(page.data)


def test_an_issue_shows_when_it_begins_and_not_before(program: FlaskClient, services: Services, now) -> None:
    sample_services.open_another_publication(services, now)
    assert program.get("/archive/elsewhere/").status_code == 404
    sample_services.send(services, "other", "elsewhere", now)
    assert program.get("/archive/elsewhere/").status_code == 200


@pytest.mark.parametrize("path", [PAGE, OTHER, "/archive/"])
def test_a_correction_by_another_process_shows_within_seconds(
    program: FlaskClient, services: Services, now, path: str, seconds: Seconds
) -> None:
    assert "Unwind a stiff back" not in program.get(path).text
    amend(services, now)
    seconds.now += KEPT
    assert "Unwind a stiff back" in program.get(path).text


def test_what_is_withdrawn_is_forgotten_at_once(program: FlaskClient, services: Services, seconds: Seconds) -> None:
    program.get(PAGE)
    with services.sessions.begin() as session:
        issue_store.find(session, sample_services.OUT[0]).letter.started_at = None
    seconds.now += KEPT
    assert program.get(PAGE).status_code == 404
    assert program.get(PAGE).status_code == 404


def test_home_is_kept_no_longer_than_the_date_that_it_names(
    program: FlaskClient, services: Services, clock: Clock, seconds: Seconds
) -> None:
    assert program.get("/").headers["Cache-Control"] == "public, max-age=60"
    with services.sessions.begin() as session:
        issue = issue_store.find(session, sample_services.WAITING)
        issue_readiness.mark_ready(session, issue, services.links)
        at = publish.schedule_next(session, services.letters, issue, clock(), grace=services.grace).due_at
    clock.turn(seconds=(at - clock()).total_seconds() - 20)
    seconds.now += LONGEST
    home = program.get("/")
    assert "Next issue" in home.text
    assert home.headers["Cache-Control"] == "public, max-age=20"
    clock.turn(seconds=20)
    seconds.now += LONGEST
    assert "Next issue" not in program.get("/").text


def test_home_gives_no_cookie_and_takes_its_form_without_one(program: FlaskClient, services: Services, clock) -> None:
    home = program.get("/")
    assert "Set-Cookie" not in home.headers
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', home.text))
    clock.turn(seconds=10)
    answer = program.post(
        "/subscribe", data=fields | {"email": "ada@example.org"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert "Check your email" in answer.text
    assert "confirm_url" in sample_services.letters(services)[-1]


def test_two_publications_stay_apart(program: FlaskClient, services: Services, now) -> None:
    sample_services.open_another_publication(services, now)
    for _ in range(2):
        assert "The Other Letter" in program.get("/feed.xml?publication=other").text
        assert "BackPainHelp" in program.get("/feed.xml").text
        assert program.get("/feed.xml?publication=third").status_code == 404


def test_a_page_for_another_host_scheme_or_path_is_another_page(shown: Shown) -> None:
    first = shown()
    assert shown(headers={"Host": "evil.example"}) != first
    assert shown(base_url="https://localhost/") != first
    assert shown(base_url="http://localhost/under/") != first
    assert shown() == first


def test_parameters_that_a_page_does_not_know_make_no_other_page(shown: Shown, program: FlaskClient) -> None:
    assert shown(f"{PAGE}?utm_source=mail") == shown(f"{PAGE}?fbclid=1")
    program.get("/archive/")
    assert program.get("/archive/?page=2").status_code == 404
    assert program.get("/archive/?tag=none").status_code == 404
    assert program.get("/archive/?category=Health").text != program.get("/archive/").text


def test_an_editor_gets_and_leaves_what_everybody_gets(
    browser: FlaskClient, program: FlaskClient, services: Services, now, seconds: Seconds
) -> None:
    with services.sessions.begin() as session:
        editors.add(session, "ann@desk.example", Role.OWNER, now).password_hash = hashed(PASSWORD)
    Visitor(browser).sign_in("ann@desk.example")
    assert browser.get("/desk/issues/").status_code == 200
    for path in EVERY:
        left = browser.get(path)
        taken = program.get(path)
        seconds.now += LONGEST
        rendered = program.get(path)
        assert left.data == taken.data == rendered.data
        assert "Set-Cookie" not in left.headers
        assert left.headers.get("Vary") == rendered.headers.get("Vary")


@pytest.mark.parametrize("path", ["/subscribe", "/search?q=back"])
def test_pages_of_one_visitor_are_not_kept(program: FlaskClient, services: Services, now, path: str) -> None:
    before = program.get(path).text
    amend(services, now)
    after = program.get(path).text
    assert path == "/subscribe" or before != after


@pytest.mark.parametrize(
    ("header", "value"), [("Set-Cookie", "a=b"), ("Vary", "Cookie"), ("Cache-Control", "private"), ("ETag", "")]
)
def test_an_answer_to_one_visitor_is_never_kept(cache: PageCache, header: str, value: str) -> None:
    answer = cacheable(Response("A page."))
    answer.headers[header] = value
    if not value:
        del answer.headers[header]
    cache.keep(("key",), answer, 0.0)
    assert cache.find(("key",)) is None


def test_hostile_requests_fill_no_memory(cache: PageCache) -> None:
    for number in range(MOST_PAGES + 10):
        cache.keep((str(number),), cacheable(Response("A page.")), 0.0)
    kept = [number for number in range(MOST_PAGES + 10) if cache.find((str(number),))]
    assert kept == list(range(10, MOST_PAGES + 10))
    large = cacheable(Response(bytes(MOST_BYTES // 16)))
    for number in range(20):
        cache.keep((f"large {number}",), large, 0.0)
    assert len([number for number in range(20) if cache.find((f"large {number}",))]) == 16
    cache.keep(("x" * 1_000,), cacheable(Response("A page.")), 0.0)
    assert cache.find(("x" * 1_000,)) is None
    cache.keep(("huge",), cacheable(Response(bytes(MOST_BYTES))), 0.0)
    assert cache.find(("huge",)) is None


def test_one_request_renders_a_page_again_and_nobody_gets_it_for_long(cache: PageCache, seconds: Seconds) -> None:
    cache.keep(("key",), cacheable(Response("Old.")), 0.0)
    seconds.now = KEPT
    assert [cache.find(("key",)) is None for _ in range(3)] == [True, False, False]
    seconds.now = LONGEST
    assert cache.find(("key",)) is None


def test_a_slow_rendering_does_not_replace_a_newer_one(cache: PageCache, seconds: Seconds) -> None:
    seconds.now = 1.0
    cache.keep(("key",), cacheable(Response("New.")), 1.0)
    cache.keep(("key",), cacheable(Response("Old.")), 0.5)
    assert cache.find(("key",)).get_data() == b"New."


def test_the_server_keeps_pages_and_shows_what_another_process_corrected(services: Services, now) -> None:
    with served(services) as port:

        def page() -> str:
            return ask(port, PAGE)[2]

        # On a very slow machine a page may be too old for the next request, but not each time.
        assert any(page() == page() for _ in range(20))
        amend(services, now)
        wait_for(lambda: "Unwind a stiff back" in page())
