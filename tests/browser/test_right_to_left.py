"""Readers' pages in languages that stretch them: Arabic, from right to left, and German, whose words are long."""

from contextlib import nullcontext
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from newsletter import publications
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.wiring import Services
from tests import pseudo_catalogue, sample_services
from tests.browser import looks
from tests.browser.looks import faults_of
from tests.real_parts import Axe
from tests.sample_services import Clock

PUBLISHED = f"/archive/{sample_services.OUT[0]}/"
LONG = "wirbelsaeulengymnastikuebungsprogrammverordnung"
PAGES = (
    "/",
    "/archive/",
    PUBLISHED,
    f"{PUBLISHED}comments",
    "/subscribe",
    "/search?q=back",
    "/ask",
    "/nothing",
    f"/archive/{LONG}/",
)


@pytest.mark.slow
@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("de", "ltr")])
def test_every_page_fits_the_narrowest_phone_and_axe_finds_nothing(
    chrome: Browser,
    site: str,
    services: Services,
    clock: Clock,
    axe: Axe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    direction: str,
) -> None:
    with services.sessions.begin() as session:
        home = publications.first(session)
        assert home
        home.language, slug, home.name = language, home.slug, "Massagebehandlungsmöglichkeitenverzeichnis"
        ada = Subscriber(email="ada@example.org", key="ada@example.org", name="Ada", created_at=clock())
        reader = Subscription(subscriber=ada, publication=home, status=Status.ACTIVE, created_at=clock())
        reader.confirmed_at = clock()
        session.add(reader)
        session.flush()
        mine = services.links.manage(reader.id, clock())
    sample_services.send(services, slug, LONG, clock())
    words = pseudo_catalogue.installed(tmp_path / "words", monkeypatch) if language == "ar" else nullcontext()
    with words, chrome.new_context(base_url=site) as context:
        page = context.new_page()
        for path in (*PAGES, sample_services.path_of(mine), f"{sample_services.path_of(mine)}/my-data"):
            page.goto(path)
            expect(page.locator("html")).to_have_attribute("dir", direction)
            assert faults_of(page, axe, looks.LIGHT, looks.PHONE) == [], path
            assert faults_of(page, axe, looks.DARK, looks.DESKTOP, *looks.OF_COLOUR) == [], path
            looks.show(page, looks.LIGHT, 320)
            assert page.evaluate("document.documentElement.scrollWidth") == 320, path
