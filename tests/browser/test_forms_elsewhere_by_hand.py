"""Another site, at an origin of its own, with what the desk gave it to copy."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import Browser, Page, expect

from newsletter.audience.models import Subscription
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import Clock


@contextmanager
def site_with(body: str) -> Iterator[str]:
    """The URL of a site that is nothing but this page; its host is another one than ours."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(f"<!doctype html><title>A clinic</title>{body}".encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sign_up(page: Page, clock: Clock) -> None:
    clock.turn(seconds=10)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")


def recorded(services: Services) -> str | None:
    with services.sessions.reading() as session:
        return session.get_one(Subscription, 1).events[0].note


def in_a_browser(chrome: Browser, body: str, act: Callable[[Page], None]) -> None:
    with site_with(body) as url, chrome.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(url)
        act(page)


def test_a_form_on_another_site_leads_to_one_button_of_ours(
    chrome: Browser, site: str, services: Services, clock: Clock
) -> None:
    def act(page: Page) -> None:
        page.get_by_label("Email").fill("ada@example.org")
        page.get_by_role("button").click()
        expect(page.get_by_role("textbox", name="Email")).to_have_value("ada@example.org")
        sign_up(page, clock)

    form = f'<form action="{site}/subscribe/backpainhelp" method="post"><label>Email <input name="email"></label>'
    in_a_browser(chrome, f"{form}<button>Subscribe</button></form>", act)
    assert [letter["address"] for letter in sample_services.letters(services)] == ["ada@example.org"]
    assert recorded(services) == "localhost"


def test_the_frame_shows_the_form_and_nothing_else_of_ours(
    chrome: Browser, site: str, services: Services, clock: Clock
) -> None:
    def act(page: Page) -> None:
        frame = page.frame_locator("#form")
        frame.get_by_role("textbox", name="Email").fill("ada@example.org")
        clock.turn(seconds=10)
        with page.expect_popup() as opened:
            frame.get_by_role("button", name="Subscribe").click()
        expect(opened.value.get_by_role("heading", level=1)).to_have_text("Check your email")
        refused = next(each for each in page.frames if each.name == "home")
        assert not re.search("BackPainHelp", refused.content())

    frames = f'<iframe id="form" src="{site}/embed/backpainhelp"></iframe><iframe name="home" src="{site}/"></iframe>'
    in_a_browser(chrome, frames, act)
    assert recorded(services) == "localhost"
