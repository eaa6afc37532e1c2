"""`make screenshots`: the README's pictures, taken from the running press."""

import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from newsletter.demo import ISSUES, NAME, READER, SLUG, Demo
from tests.real_parts import find_chromium

FOLDER = Path(__file__).parent / "screenshots"


def main() -> None:
    """Take every picture anew."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        demo = Demo(Path(folder))
        demo.newsletter("db", "upgrade")
        demo.newsletter("issues", "load", str(ISSUES))
        link = demo.newsletter("editors", "add", "ann@press.example", "--role", "owner").split()[-1]
        _readers(demo, Path(folder) / "readers.csv")
        with demo.running():
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
            phone = browser.new_page(viewport={"width": 375, "height": 760}, device_scale_factor=2)
            desktop = browser.new_page(viewport={"width": 1280, "height": 860})
            _home(phone, demo)
            _desk(desktop, demo, link)
            _mail(phone, demo)
            browser.close()


def _home(page: Page, demo: Demo) -> None:
    page.goto(demo.site)
    page.screenshot(path=FOLDER / "home-phone.png")


def _desk(page: Page, demo: Demo, link: str) -> None:
    page.goto(link)
    page.get_by_role("button").first.click()
    page.goto(f"{demo.site}/desk/issues/{SLUG}/")
    page.frame_locator("iframe").first.get_by_role("heading", level=1).wait_for()
    page.screenshot(path=FOLDER / "desk-issue.png")


def _mail(page: Page, demo: Demo) -> None:
    demo.newsletter("issues", "send", SLUG, "--now")
    message = demo.mail("tight back")
    page.emulate_media(color_scheme="dark")
    page.goto(f"{demo.inbox}/messages/{message['id']}/html")
    page.screenshot(path=FOLDER / "mail-phone-dark.png")


def _readers(demo: Demo, path: Path) -> None:
    rows = "".join(f"reader{number}@reader.example,\n" for number in range(1, 480))
    path.write_text(f"email,name\n{READER},{NAME}\n{rows}")
    demo.newsletter("subscribers", "import", str(path), "--status", "active", "--consent", "made up for a picture")


main()
