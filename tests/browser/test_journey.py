"""The whole story in Chromium, on `newsletter up`: form, mail, button, weekly issue, one tap."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from newsletter.web.forms import QUICKEST
from tests.browser.hands import follow
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
READER = "ada@reader.example"
SLUG = "unwind-a-tight-back"
PATIENCE = 240


class Press:
    """`newsletter up` in a folder of its own, where no `.env` lies, with its command line."""

    def __init__(self, folder: Path) -> None:
        self.site, self.inbox = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        ports = {"PORT": self.site.rpartition(":")[2], "INBOX_PORT": self.inbox.rpartition(":")[2]}
        places = {"DATA_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder / 'newsletter.db'}"}
        self.environment = kept | ports | places | {"PYTHONPATH": str(ROOT)}
        self.folder = folder
        self.log = folder / "up.log"

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "newsletter", *arguments]
        return subprocess.run(
            command, check=True, env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE
        ).stdout

    def schedule_soon(self, slug: str) -> None:
        """Schedule an issue for the first moment that is still to come when this machine has begun the command."""
        for ahead in (3, 12, 60):
            at = (datetime.now(UTC) + timedelta(seconds=ahead)).isoformat(timespec="seconds")
            command = [sys.executable, "-m", "newsletter", "issues", "schedule", slug, "--at", at]
            if subprocess.run(command, check=False, env=self.environment, cwd=self.folder).returncode == 0:
                return
        raise AssertionError("no moment was late enough")

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "newsletter", "up"]
        with self.log.open("wb") as log:
            return subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=log, stderr=log)

    def sign_in_link(self) -> str:
        found = re.search(r"http\S+/desk/sign-in/\S+", self.log.read_text())
        assert found
        return found[0]


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Press]:
    made = Press(tmp_path_factory.mktemp("press"))
    made.run("db", "upgrade")
    made.run("issues", "load", str(ROOT / "issues"))
    process = made.start()
    try:
        _wait_until_said(made, "Ctrl-C stops it")
        yield made
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0


def test_a_reader_signs_up_confirms_gets_the_weekly_issue_and_leaves_by_one_tap(press: Press, chrome: Browser) -> None:
    page = chrome.new_context(viewport={"width": 375, "height": 800}).new_page()

    page.goto(press.site)
    page.get_by_label("Email").fill(READER)
    page.get_by_label("name").fill("Ada")
    # The page's policy lets no script look at its clock, and nobody is quicker but robots.
    page.wait_for_timeout(1_100 * QUICKEST.total_seconds())
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Check your email")

    _open_mail(page, press, "confirm")
    link = page.frame_locator("iframe").get_by_role("link", name="Yes, confirm").get_attribute("href")
    page.goto(str(link))
    follow(page.get_by_role("button"))
    _open_mail(page, press, "Welcome")

    press.schedule_soon(SLUG)
    _open_mail(page, press, "Unwind a tight back: what massage can and cannot do")
    mail = page.frame_locator("iframe")
    expect(mail.get_by_role("heading", level=1)).to_be_visible()
    expect(mail.get_by_text("Ada,")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    assert _one_click(page, press) == 200
    assert '"status": "unsubscribed"' in press.run("subscribers", "show", READER, "--json")

    page.goto(f"{press.site}/archive/{SLUG}/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_an_editor_signs_in_by_the_printed_link_and_schedules_the_next_slot(press: Press, chrome: Browser) -> None:
    page = chrome.new_context().new_page()
    page.goto(press.sign_in_link())
    follow(page.get_by_role("button").first)
    page.goto(f"{press.site}/desk/issues/looser-by-degrees/")
    page.get_by_role("button", name=re.compile("^Schedule for Tuesday")).click()
    expect(page.get_by_role("status")).to_contain_text("Scheduled for Tuesday")
    assert '"state": "scheduled"' in press.run("issues", "show", "looser-by-degrees", "--json")


def _open_mail(page: Page, press: Press, subject: str) -> None:
    """Open the reader's mail with that subject in the inbox, as soon as it is there."""
    deadline = time.monotonic() + PATIENCE
    mail = page.get_by_role("link").filter(has_text=READER).filter(has_text=subject)
    while time.monotonic() < deadline:
        page.goto(press.inbox)
        if mail.count():
            mail.first.click()
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"no mail about {subject!r} came for {READER}")


def _one_click(page: Page, press: Press) -> int:
    """What a mail program does: one POST to the header's address, with no page and no cookie."""
    headers = page.request.get(f"{press.inbox}/api{urllib.parse.urlsplit(page.url).path}").json()["headers"]
    named = dict(headers)
    assert named["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = named["List-Unsubscribe"].strip("<>")
    with urllib.request.urlopen(url, b"List-Unsubscribe=One-Click", timeout=PATIENCE) as response:  # noqa: S310
        return int(response.status)


def _wait_until_said(press: Press, words: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while words not in press.log.read_text():
        assert time.monotonic() < deadline, press.log.read_text()
        time.sleep(0.2)
