"""Every page that a reader meets is valid HTML, by the checker that the W3C runs (the Nu Html Checker)."""

import json
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Response

from newsletter.wiring import Services
from tests.browser.test_reader_pages import PHONE, visit_every_page
from tests.sample_services import Clock

CHECKER = Path(__file__).parents[2] / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"


@pytest.mark.slow
def test_the_checker_of_the_w3c_finds_no_error_on_any_page(
    chrome: Browser, site: str, services: Services, clock: Clock, java: str, tmp_path: Path
) -> None:
    pages: list[Path] = []

    def keep(answer: Response) -> None:
        if answer.request.resource_type == "document" and answer.status not in range(300, 400):
            pages.append(tmp_path / f"{len(pages)}.html")
            pages[-1].write_bytes(answer.body())

    with chrome.new_context(viewport=PHONE, base_url=site) as context:
        page = context.new_page()
        page.on("response", keep)
        for _ in visit_every_page(page, services, clock):
            pass
    assert len(pages) > 30
    assert errors_in(java, pages) == []


def errors_in(java: str, pages: list[Path]) -> list[str]:
    """What the checker calls an error, each with the words around it."""
    command = [java, "-Xss1m", "-jar", str(CHECKER), "--format", "json", "--exit-zero-always", *map(str, pages)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    messages = json.loads(done.stderr)["messages"]
    return [f"{each['message']} {each.get('extract', '')}" for each in messages if each["type"] != "info"]
