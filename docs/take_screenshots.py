"""`make screenshots`: the pictures of the README and of the tour; with `ARGS=--pages`, every page of the desk as well.

All are taken from the running press, while two people and a reader live through a week of it. The pages' pictures, at
two widths in both schemes, are for looking at, and not kept in git; beside them lies the HTML of each, as it was
served, for a checker to read.
"""

import io
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from newsletter import demo as story
from newsletter.demo import ISSUES, SLUG, Demo
from tests.real_parts import SWITCHES, find_chromium

FOLDER = Path(__file__).parent / "screenshots"
OUT, NEXT, DRAFT = SLUG, "under-the-hands", "looser-by-degrees"
WIDTHS = {"phone": 375, "desktop": 1280}
DESKTOP, TALL = ViewportSize(width=1280, height=860), ViewportSize(width=1280, height=1240)
SCHEMES = ("light", "dark")
OWNER, EDITOR = "ann@press.example", "ben@press.example"
TODAY = datetime.now(UTC).date()
READERS = 480
NAMES = ("Noor", "Jonas", "Maria", "Tomasz", "Ines", "Kofi", "Lena", "Aarav", "Ruth", "Mateo", "Hanna", "Sam")
RATE = 40
"""Copies a second: slow enough to watch an issue go out."""
PATIENCE = 180_000
"""The most milliseconds to wait for a page."""

PAGES = {
    "start": "",
    "issues": "issues/",
    "new": "issues/new",
    "templates": "issues/templates",
    "snippets": "issues/snippets",
    "bin": "issues/bin",
    "imported": "issues/imported",
    "issue": f"issues/{DRAFT}/",
    "write": f"issues/{DRAFT}/write",
    "preflight": f"issues/{DRAFT}/preflight",
    "note": f"issues/{DRAFT}/note",
    "slot": f"issues/{DRAFT}/slot",
    "history": f"issues/{DRAFT}/history",
    "approval": f"issues/{DRAFT}/approval",
    "test-mail": f"issues/{DRAFT}/test",
    "schedule": f"issues/{DRAFT}/schedule",
    "send": f"issues/{DRAFT}/send",
    "preview-link": f"issues/{DRAFT}/preview-link",
    "delete": f"issues/{DRAFT}/delete",
    "acts": f"issues/{DRAFT}/acts",
    "issue-sent": f"issues/{OUT}/",
    "missed": f"issues/{OUT}/missed",
    "correct": f"issues/{OUT}/write",
    "correction-review": f"issues/{OUT}/corrections/new",
    "correction": f"issues/{OUT}/corrections/1/",
    "correction-letter": f"issues/{OUT}/corrections/1/letter",
    "doubts": f"issues/{OUT}/doubts",
    "requests": "requests/",
    "calendar": "calendar/",
    "calendar-month": f"calendar/?month={TODAY:%Y-%m}",
    "slots": "calendar/slots",
    "readers": "readers/",
    "reader": "readers/1/",
    "add-reader": "readers/add",
    "mails": "readers/mails/",
    "failed-mails": "readers/failed-mails/",
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
    "doctor": "settings/doctor/",
    "forms": "settings/forms",
    "series": "settings/series/",
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


def main(takes_every_page: bool) -> None:
    """Take the pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        demo = Demo(Path(folder))
        demo.environment["MAIL_RATE"] = str(RATE)
        ann_link, ben_link = _set_up(demo)
        with demo.running():
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=SWITCHES)
            ann, ben = _sign_in(browser, ann_link), _sign_in(browser, ben_link)
            phone = browser.new_page(viewport={"width": 375, "height": 760}, device_scale_factor=2)
            _prepare(ann, phone, demo)
            _approve_and_schedule(ann, ben, demo)
            _send(ann, demo)
            _read_the_mail(phone, demo)
            _correct(ann, ben, demo)
            _look_at_the_reader(ann, phone, demo)
            if takes_every_page:
                _every_page(browser, ann, demo)
            browser.close()


def _take(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide")))
    picture.save(FOLDER / f"{name}.webp", quality=88, method=6)


def _set_up(demo: Demo) -> tuple[str, str]:
    """The press with its issues, its readers and its two editors, whose sign-in links are returned."""
    demo.newsletter("db", "upgrade")
    demo.newsletter("issues", "sample", str(ISSUES))
    demo.newsletter("issues", "load", str(ISSUES))
    ann_link = demo.newsletter("editors", "add", OWNER, "--role", "owner", "--name", "Ann Moore").split()[-1]
    ben_link = demo.newsletter("editors", "add", EDITOR, "--role", "editor", "--name", "Ben Okafor").split()[-1]
    return ann_link, ben_link


def _sign_in(browser: Browser, link: str) -> Page:
    page = browser.new_page(viewport=DESKTOP)
    page.set_default_timeout(PATIENCE)
    page.goto(link)
    page.get_by_role("button").first.click()
    page.wait_for_load_state()
    return page


def _prepare(ann: Page, phone: Page, demo: Demo) -> None:
    phone.goto(demo.site)
    _take(phone, "home-phone")
    story.sign_up(demo)
    story.confirm(demo)
    _import_readers(demo)
    ann.goto(f"{demo.site}/desk/settings/setup/")
    _take(ann, "desk-setup")
    _open_editor(ann, f"{demo.site}/desk/issues/{DRAFT}/write")
    _take(ann, "desk-write")
    _make_preflight_object(ann, demo)


def _import_readers(demo: Demo) -> None:
    """Readers who joined in the course of a year."""
    lines = ["email,name,joined"]
    for number in range(READERS):
        joined = TODAY - timedelta(days=360 * (READERS - number) // READERS)
        lines.append(f"reader{number}@reader.example,{NAMES[number % len(NAMES)]},{joined}")
    path = demo.folder / "readers.csv"
    path.write_text("\n".join(lines))
    demo.newsletter("subscribers", "import", str(path), "--status", "active", "--consent", "sign-up sheet")


def _open_editor(page: Page, address: str) -> None:
    page.goto(address)
    page.locator(".cm-content").wait_for()
    page.locator("#sheet[data-shown]").wait_for(state="attached")
    page.frame_locator("#sheet").get_by_role("heading", level=1).wait_for()


def _make_preflight_object(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.site}/desk/issues/new")
    page.locator(".cm-content").focus()
    page.keyboard.insert_text(
        "Most of us sit for nine hours a day. TK name the study.\n\n"
        "Standing up every half hour is guaranteed to cure a stiff back. Read more [here](http://press.example/sitting)."
    )
    page.wait_for_url("**/write")
    page.locator("#details summary").click()
    page.get_by_label("Title", exact=True).fill("Sitting less, and better")
    page.get_by_label("Subject", exact=True).fill("SITTING LESS, AND BETTER!!!")
    page.locator("#details summary").click()
    page.locator("#write-preflight summary").first.click()
    findings = page.locator("#write-findings")
    findings.get_by_text("A placeholder is left").wait_for()
    findings.get_by_text("The title is missing").wait_for(state="hidden")
    # The desk's head stays on top of the page.
    page.locator("#write-preflight").evaluate("part => window.scrollTo(0, part.offsetTop - 80)")
    page.wait_for_timeout(500)
    _take(page, "desk-preflight")


def _approve_and_schedule(ann: Page, ben: Page, demo: Demo) -> None:
    ann.goto(f"{demo.site}/desk/settings/rules")
    ann.get_by_label("A second person approves each issue").check()
    ann.get_by_role("button", name="Save").click()
    ann.goto(f"{demo.site}/desk/issues/{NEXT}/approval")
    ann.get_by_text("Ask someone for approval").click()
    ann.get_by_label("Message (optional)").fill("The five sources are checked. Is the part about money clear?")
    ann.get_by_role("button", name="Ask for approval").click()
    ben.goto(f"{demo.site}/desk/issues/{NEXT}/approval")
    ben.frame_locator("iframe").first.get_by_role("heading", level=1).wait_for()
    _take(ben, "desk-approval")
    ben.get_by_role("button", name="Approve exactly this email").click()
    for slug in (OUT, "five-reasons-weighed", "break-the-circle", DRAFT):
        demo.newsletter("issues", "approve", slug, "--as", EDITOR)


def _send(ann: Page, demo: Demo) -> None:
    demo.newsletter("issues", "send", OUT, "--now")
    ann.goto(f"{demo.site}/desk/issues/{OUT}/")
    ann.get_by_text("It is going out now.").wait_for()
    ann.wait_for_timeout(READERS / RATE / 2 * 1000)
    _take(ann, "desk-sending")
    ann.goto(f"{demo.site}/desk/calendar/")
    ann.get_by_role("button", name="Fill the next weeks with what is ready").click()
    ann.get_by_role("button", name="Undo").wait_for()
    ann.goto(f"{demo.site}/desk/calendar/?month={TODAY + timedelta(weeks=2):%Y-%m}")
    ann.set_viewport_size(TALL)
    _take(ann, "desk-calendar")
    demo.counts_when_sent()
    _unsubscribe(ann, demo)
    ann.goto(f"{demo.site}/desk/reports/{OUT}/")
    ann.locator("canvas").first.wait_for()
    _take(ann, "desk-report")
    ann.set_viewport_size(DESKTOP)


def _unsubscribe(page: Page, demo: Demo) -> None:
    """Four readers leave, by the one tap that mail programs offer."""
    for number in range(4):
        query = f"{demo.inbox}/api/messages?to=reader{number}@reader.example"
        message = page.request.get(query).json()[0]
        headers = dict(page.request.get(f"{demo.inbox}/api/messages/{message['id']}").json()["headers"])
        page.request.post(headers["List-Unsubscribe"].strip("<>"), form={"List-Unsubscribe": "One-Click"})


def _read_the_mail(phone: Page, demo: Demo) -> None:
    message = demo.mail("tight back")
    phone.emulate_media(color_scheme="dark")
    phone.goto(f"{demo.inbox}/messages/{message['id']}/html")
    _take(phone, "mail-phone-dark")
    phone.emulate_media(color_scheme="light")


def _correct(ann: Page, ben: Page, demo: Demo) -> None:
    _open_editor(ann, f"{demo.site}/desk/issues/{OUT}/write")
    ann.keyboard.press("Control+Home")
    _replace(ann, "Being a bit sore the next day is not.", "Being a bit sore for a day or two is not.")
    ann.get_by_role("button", name="Review the correction").click()
    note = ann.get_by_label("What was wrong, and what is right")
    note.fill("We wrote that soreness is gone after a day; it can last for two.")
    ann.get_by_role("button", name="Ask for approval").click()
    ben.goto(f"{demo.site}/desk/issues/{OUT}/corrections/new")
    _take(ben, "desk-correction")
    ben.get_by_role("button", name="Approve, publish and email it to").click()
    ben.get_by_role("heading", name="Correction 1").wait_for()
    demo.mail("orrect")


def _replace(page: Page, old: str, new: str) -> None:
    """Replace words in the editor by its own search."""
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+f")
    page.get_by_label("Find", exact=True).fill(old)
    page.get_by_label("Replace with", exact=True).fill(new)
    page.get_by_role("button", name="Replace all").click()


def _look_at_the_reader(ann: Page, phone: Page, demo: Demo) -> None:
    ann.goto(f"{demo.site}/desk/readers/1/")
    _take(ann, "desk-reader")
    phone.goto(f"{demo.site}/archive/{OUT}/")
    _take(phone, "archive-phone")


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


if __name__ == "__main__":
    main(takes_every_page="--pages" in sys.argv[1:])
