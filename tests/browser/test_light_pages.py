"""What a reader's browser fetches and keeps: little, from nobody else, and no cookie."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Request, expect

from tests import sample_services

MOST = 60_000
"""Bytes of a page with all that it needs, but for pictures and typefaces; our server compresses nothing."""
READ = ("/", "/archive/", f"/archive/{sample_services.OUT[0]}/", "/archive/?tag=massage", "/search?q=back", "/privacy")


@pytest.mark.parametrize("path", READ)
def test_a_page_is_light_and_asks_nobody_else(chrome: Browser, site: str, path: str) -> None:
    with chrome.new_context(base_url=site, viewport={"width": 1280, "height": 2000}) as context:
        page, fetched = context.new_page(), []
        page.on("requestfinished", lambda request: fetched.append(request))  # noqa: PLW0108  (its signature is read)
        page.goto(path, wait_until="load")
        assert {urlsplit(request.url).netloc for request in fetched} == {urlsplit(site).netloc}
        assert sum(map(weight, fetched)) <= MOST
        assert context.cookies() == []


def weight(request: Request) -> int:
    return 0 if request.resource_type in {"image", "font"} else request.sizes()["responseBodySize"]


def test_on_paper_words_are_dark_without_grounds_and_nothing_asks_to_be_pressed(chrome: Browser, site: str) -> None:
    with chrome.new_context(base_url=site, color_scheme="dark") as context:
        page = context.new_page()
        page.emulate_media(media="print")
        page.goto(f"/archive/{sample_services.OUT[0]}/")
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(31, 42, 46)"
        button = page.locator(".prose .button").first
        assert button.evaluate("each => getComputedStyle(each).backgroundColor") == "rgba(0, 0, 0, 0)"
        elsewhere = page.locator(".prose a[href^=http]").first
        assert "http" in elsewhere.evaluate("each => getComputedStyle(each, '::after').content")
        for hidden in (".crumbs", ".sign-up", ".turn", ".discussion", ".masthead nav"):
            expect(page.locator(hidden)).to_be_hidden()
