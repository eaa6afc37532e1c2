"""The demo (`make demo`): sign-up to report in a minute, with a real web server, a real worker and real mail.

Each step prints what it did and the result; an unexpected result ends the demo with exit code 1.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.panel import Panel

from newsletter import clock, config
from newsletter.system import bundled
from newsletter.system.ports import free_port, responds
from newsletter.web.forms import QUICKEST

ISSUES = bundled.PACKAGE.parent / "issues"
READER, NAME = "ada@reader.example", "Ada"
SLUG = "unwind-a-tight-back"
SECONDS_AHEAD = (5, 20, 80)
"""Seconds ahead for which the issue is scheduled; the next value is tried if the command took longer to start."""
PATIENCE = 180
"""The most seconds to wait for a step, which takes about one on a fast machine."""

T = TypeVar("T")
_console = Console(highlight=False)


class StepFailed(Exception):
    """A step of the demo had an unexpected result."""


class Reader:
    """A reader's browser: keeps cookies, and fills in and submits forms."""

    def __init__(self) -> None:
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        # As browsers say of a form of the same site; a page that is kept for everybody has no token of its own.
        opener.addheaders.append(("Sec-Fetch-Site", "same-origin"))
        self._open = opener.open

    def get(self, url: str) -> str:
        """The page at `url`."""
        with self._open(url, timeout=PATIENCE) as response:
            return str(response.read().decode())

    def submit(self, url: str, page: str, action: str, **fields: str) -> str:
        """Submit the page's form for `action` with its hidden fields and these; returns the resulting page."""
        form = _found(rf'<form[^>]*action="([^"]*{action}[^"]*)".*?</form>', page, f"a form for {action}")
        hidden = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form.group(0)))
        data = urllib.parse.urlencode(hidden | fields).encode()
        with self._open(urllib.parse.urljoin(url, form.group(1)), data, timeout=PATIENCE) as response:
            return str(response.read().decode())


class Demo:
    """The installation that the demo runs against: its URLs, its command line and its inbox."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """The data folder, in which every command runs; it contains no .env."""
        self.site = f"http://127.0.0.1:{free_port()}"
        self.inbox = f"http://127.0.0.1:{free_port()}"
        names = config.names()
        self.environment = {name: value for name, value in os.environ.items() if name.upper() not in names} | {
            "DATA_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{folder / 'newsletter.db'}",
            "BASE_URL": self.site,
            "PORT": self.site.rpartition(":")[2],
            "INBOX_PORT": self.inbox.rpartition(":")[2],
            "LOG_LEVEL": "warning",
            # The commands start in another folder, but run this code.
            "PYTHONPATH": os.pathsep.join(sys.path),
        }

    def newsletter(self, *arguments: str) -> str:
        """Run a command; returns its output, or raises StepFailed with its error message."""
        command = [sys.executable, "-m", "newsletter", *arguments]
        done = subprocess.run(
            command, check=False, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        if done.returncode:
            raise StepFailed(f"newsletter {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run `newsletter up`: ready when the block begins, and stopped cleanly after it."""
        command = [sys.executable, "-m", "newsletter", "up"]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=quiet, stderr=quiet)
        try:
            _wait_for(lambda: responds(f"{self.site}/readyz"), "the web server, the worker and the inbox")
            yield
        finally:
            process.terminate()
            ended = process.wait(PATIENCE)
        _expect(ended == 0, "a clean stop")

    def mail(self, subject: str) -> dict[str, Any]:
        """Wait for the reader's mail with these words in its subject; returns it as JSON."""
        query = urllib.parse.urlencode({"to": READER})

        def found() -> dict[str, Any] | None:
            for message in _json(f"{self.inbox}/api/messages?{query}"):
                if subject in message["subject"]:
                    whole: dict[str, Any] = _json(f"{self.inbox}/api/messages/{message['id']}")
                    return whole
            return None

        return _wait_for(found, f"a mail about {subject!r}")

    def counts_when_sent(self) -> dict[str, Any]:
        """Wait for the end of the issue; returns the counts of its copies."""

        def finished() -> dict[str, Any] | None:
            counts: dict[str, Any] = json.loads(self.newsletter("issues", "status", SLUG, "--json"))
            return counts if counts["state"] == "sent" else None

        return _wait_for(finished, "the end of the issue")

    def status_of_reader(self) -> str:
        return str(json.loads(self.newsletter("subscribers", "show", READER, "--json"))["subscriptions"][0]["status"])


def main(issues: Path = ISSUES) -> None:
    """Run the demo with the issues in that folder; exits with 1 at the first unexpected result."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="newsletter-demo-") as folder:
        demo = Demo(Path(folder))
        try:
            _run_steps(demo, issues)
        except (StepFailed, OSError, subprocess.TimeoutExpired) as error:
            _console.print(f"[bold red]✗[/] {error}")
            sys.exit(1)
    _console.print(f"\n[bold green]The whole story, in {time.monotonic() - began:.0f} seconds.[/]")


def _run_steps(demo: Demo, issues: Path) -> None:
    demo.newsletter("db", "upgrade")
    _print_step("Everything starts", demo.newsletter("issues", "load", str(issues)))
    with demo.running():
        sign_up(demo)
        confirm(demo)
        issue = _send_an_issue(demo)
        _leave(demo, issue)
        _report(demo)


def sign_up(demo: Demo) -> None:
    """The reader fills in the sign-up form."""
    reader = Reader()
    page = reader.get(demo.site)
    time.sleep(QUICKEST.total_seconds())  # the sign-up form refuses anything faster
    page = reader.submit(demo.site, page, "/subscribe", email=READER, name=NAME)
    _expect("check your email" in page.lower(), "the page that says to check the email")
    _expect(demo.status_of_reader() == "pending", "a pending subscription")
    _print_step("A reader signs up on the web form", f"{READER} is pending; the page says to check the email")


def confirm(demo: Demo) -> None:
    """The reader presses the button that the confirmation email leads to."""
    mail = demo.mail("onfirm")
    link = _found(r"https?://\S+/confirm/[\w-]+", mail["text"], "a link to /confirm/ in the mail").group(0)
    reader = Reader()
    page = reader.get(link)
    _expect(demo.status_of_reader() == "pending", "a link that changes nothing when a scanner opens it")
    reader.submit(link, page, "/confirm/")
    _expect(demo.status_of_reader() == "active", "an active subscription")
    welcome = demo.mail("elcome")
    _print_step("The link from the email", f"“{mail['subject']}” → button → active → “{welcome['subject']}”")


def _send_an_issue(demo: Demo) -> dict[str, Any]:
    sentence = _schedule(demo)
    issue = demo.mail("tight back")
    _expect(NAME in issue["text"], "the reader's name in the email")
    _print_step("The weekly issue goes out on schedule", f"{sentence}\n“{issue['subject']}” is in the inbox")
    return issue


def _schedule(demo: Demo) -> str:
    for seconds in SECONDS_AHEAD:
        at = (clock.now() + timedelta(seconds=seconds)).isoformat(timespec="seconds")
        try:
            return demo.newsletter("issues", "schedule", SLUG, "--at", at)
        except StepFailed as error:
            # On a slow machine the time has passed before the command has started.
            if seconds == SECONDS_AHEAD[-1] or "has passed" not in str(error):
                raise
    raise AssertionError


def _leave(demo: Demo, issue: dict[str, Any]) -> None:
    headers = dict(issue["headers"])
    _expect(headers.get("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click", "the one-click header")
    url = headers["List-Unsubscribe"].strip("<>")
    with urllib.request.urlopen(url, b"List-Unsubscribe=One-Click", timeout=PATIENCE) as response:  # noqa: S310
        _expect(response.status == 200, "an answer of 200")
    _expect(demo.status_of_reader() == "unsubscribed", "a subscription that has ended")
    _print_step(
        "The reader unsubscribes with one tap in the mail program", "one POST, no cookie, no page: unsubscribed"
    )


def _report(demo: Demo) -> None:
    counts = demo.counts_when_sent()
    _expect(counts["audience"] == 1 and counts["sent"] == 1, "one copy, sent")
    _print_step(
        "The report: every copy is accounted for", "  ".join(f"{name} {value}" for name, value in counts.items())
    )


def _found(pattern: str, text: str, what: str) -> re.Match[str]:
    match = re.search(pattern, text, re.DOTALL)
    if match is None:
        raise StepFailed(f"expected {what}, but did not see it")
    return match


def _print_step(title: str, text: str) -> None:
    _console.print(Panel(text, title=title, title_align="left"))


def _expect(seen: bool, what: str) -> None:
    if not seen:
        raise StepFailed(f"expected {what}, but did not see it")


def _wait_for(look: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise StepFailed(f"waited {PATIENCE} seconds for {what}")


def _json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:  # noqa: S310
        return json.load(response)


if __name__ == "__main__":
    main()
