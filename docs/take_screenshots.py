"""`make screenshots`: the README's pictures, and every page of the desk at two widths in both schemes.

All are taken from the running press. The pages' pictures are for looking at, and not kept in git; beside them lies the
HTML of each, as it was served, for a checker to read.
"""

import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from newsletter.demo import ISSUES, NAME, READER, SLUG, Demo
from tests.real_parts import find_chromium

FOLDER = Path(__file__).parent / "screenshots"
OUT, DRAFT = SLUG, "looser-by-degrees"
WIDTHS = {"phone": 375, "desktop": 1280}
SCHEMES = ("light", "dark")
OWNER = "ann@press.example"

PAGES = {
    "start": "",
    "issues": "issues/",
    "new": "issues/new",
    "templates": "issues/templates",
    "issue": f"issues/{DRAFT}/",
    "write": f"issues/{DRAFT}/write",
    "history": f"issues/{DRAFT}/history",
    "approval": f"issues/{DRAFT}/approval",
    "test-mail": f"issues/{DRAFT}/test",
    "schedule": f"issues/{DRAFT}/schedule",
    "send": f"issues/{DRAFT}/send",
    "preview-link": f"issues/{DRAFT}/preview-link",
    "delete": f"issues/{DRAFT}/delete",
    "acts": f"issues/{DRAFT}/acts",
    "issue-sent": f"issues/{OUT}/",
    "amend": f"issues/{OUT}/corrections/new",
    "correction": f"issues/{OUT}/corrections/1/",
    "correction-letter": f"issues/{OUT}/corrections/1/letter",
    "doubts": f"issues/{OUT}/doubts",
    "requests": "requests/",
    "calendar": "calendar/",
    "calendar-month": "calendar/?month=2026-11",
    "slots": "calendar/slots",
    "readers": "readers/",
    "reader": "readers/1/",
    "segments": "readers/segments/",
    "segment-builder": "readers/segments/new",
    "suppressed": "readers/suppressed/",
    "imports": "readers/import/",
    "reports": "reports/",
    "report": f"reports/{OUT}/",
    "copies": f"reports/{OUT}/copies",
    "leavers": f"reports/{OUT}/leavers",
    "reasons": "unsubscribed/",
    "settings": "settings/",
    "settings-name": "settings/name",
    "setup": "settings/setup/",
    "own-test": "settings/test",
    "settings-sender": "settings/sender",
    "settings-address": "settings/address",
    "settings-follow": "settings/follow",
    "settings-archive": "settings/archive",
    "comments": "comments/",
    "settings-comments": "settings/comments",
    "settings-choices": "settings/choices",
    "settings-rules": "settings/rules",
    "settings-look": "settings/look",
    "settings-words": "settings/words/privacy",
    "account": "account/",
    "second-factor": "account/second-factor",
    "people": "people/",
    "person": "people/1/",
    "audit": "audit/",
    "not-found": "nowhere",
}


def main() -> None:
    """Take every picture anew."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        demo = Demo(Path(folder))
        demo.newsletter("db", "upgrade")
        demo.newsletter("issues", "load", str(ISSUES))
        link = demo.newsletter("editors", "add", OWNER, "--role", "owner").split()[-1]
        _readers(demo, Path(folder) / "readers.csv")
        with demo.running():
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
            phone = browser.new_page(viewport={"width": 375, "height": 760}, device_scale_factor=2)
            desktop = browser.new_page(viewport={"width": 1280, "height": 860})
            _home(phone, demo)
            _sign_in(desktop, link)
            _write(desktop, demo)
            _mail(phone, demo)
            _report(desktop, demo)
            _ask_for_approvals(desktop, demo)
            _correct(desktop, demo)
            _every_page(browser, desktop, demo)
            browser.close()


def _home(page: Page, demo: Demo) -> None:
    page.goto(demo.site)
    page.screenshot(path=FOLDER / "home-phone.png")


def _sign_in(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("button").first.click()
    page.wait_for_load_state()


def _write(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.site}/desk/issues/{DRAFT}/write")
    page.frame_locator("iframe").first.get_by_role("heading", level=1).wait_for()
    page.screenshot(path=FOLDER / "desk-write.png")


def _mail(page: Page, demo: Demo) -> None:
    demo.newsletter("issues", "send", OUT, "--now")
    message = demo.mail("tight back")
    page.emulate_media(color_scheme="dark")
    page.goto(f"{demo.inbox}/messages/{message['id']}/html")
    page.screenshot(path=FOLDER / "mail-phone-dark.png")


def _report(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.site}/desk/reports/{OUT}/")
    page.locator("canvas").first.wait_for()
    page.screenshot(path=FOLDER / "desk-report.png")


def _ask_for_approvals(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.site}/desk/settings/rules")
    page.get_by_label("A second person approves each issue").check()
    page.get_by_role("button", name="Save").click()


def _correct(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.site}/desk/issues/{OUT}/corrections/new")
    page.get_by_label("What changed").fill("We wrote ten hours; it is ten minutes.")
    text = page.get_by_label("The text")
    text.fill(f"{text.input_value()}\nTen minutes are enough.\n")
    page.get_by_role("button", name="Publish the correction").click()


def _every_page(browser: Browser, signed_in: Page, demo: Demo) -> None:
    folder = FOLDER / "pages"
    folder.mkdir(exist_ok=True)
    state = signed_in.context.storage_state()
    for (width, pixels), scheme in product(WIDTHS.items(), SCHEMES):
        viewport = {"width": pixels, "height": 900}
        context = browser.new_context(storage_state=state, color_scheme=scheme, viewport=viewport)
        page = context.new_page()
        for name, path in _addresses(demo):
            page.goto(path, wait_until="load")
            page.wait_for_timeout(300)
            page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
        context.close()
    for name, path in _addresses(demo):
        (folder / f"{name}.html").write_text(signed_in.request.get(path).text())


def _addresses(demo: Demo) -> Iterator[tuple[str, str]]:
    yield from ((name, f"{demo.site}/desk/{path}") for name, path in PAGES.items())
    yield "sign-in", f"{demo.site}/desk/sign-in/code"
    yield "site-privacy", f"{demo.site}/privacy"
    yield "site-issue", f"{demo.site}/archive/{OUT}/"
    yield "site-home", demo.site


def _readers(demo: Demo, path: Path) -> None:
    rows = "".join(f"reader{number}@reader.example,\n" for number in range(1, 480))
    path.write_text(f"email,name\n{READER},{NAME}\n{rows}")
    demo.newsletter("subscribers", "import", str(path), "--status", "active", "--consent", "made up for a picture")


main()
