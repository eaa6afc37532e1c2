"""Every page of the site and the desk on a press that has grown: how long the slowest takes, how heavy the largest is.

`python -m bench.pages` prints the slowest and the largest ones; `python -m bench.pages 1000 postgresql` asks so many
readers, on the other database.
"""

import logging
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.routing import Rule

from bench import large_press, stock
from bench.large_press import DRAFT, READY, SENT, Size
from bench.rows import RUNS, Row
from newsletter import wiring
from newsletter.config import Settings
from newsletter.links import Links
from newsletter.web import create_app

BASE_URL = "https://letters.example.org"
LIMIT = 0.150
"""Seconds of the server's time for a page."""
LARGEST = 100_000
"""Bytes of an HTML page."""

# A stream that never ends, files of a known size, and downloads of everything.
_ASIDE = {"static", "desk.events", "archive.picture", "desk.audit_sheet", "desk.copies_sheet", "desk.report_sheet"}
_QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "desk.readers": (
        "?status=active",
        "?status=bounced",
        "?before={half}",
        "?q=lukasz",
        "?q=ŁUKASZ",
        "?q=reader{half}",
        "?q=%40mail499",
        "?q=nobody-at-all",
        "?q=l",
        "?q=qx",
        "?q=re&status=bounced",
        "?q=mail7.example&before={half}",
        "?q=mail7.example&after={half}",
        "?q=00000&status=active",
        "?q=lukasz+ada",
    ),
    "desk.issues": ("?state=sent", "?state=draft", "?state=ready"),
    "desk.reports": ("?page=50",),
    "desk.type_form": ("?to=number",),
    "desk.audit_log": ("?who=person1%40desk.example", "?act=act+7", "?before=900"),
    "desk.copies": ("?state=refused", "?domain=mail7.example", "?words=none"),
    "archive.index": ("?page=40", "?category=Back"),
}


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: its address, its seconds at first and then as a median, its bytes, and whether it is HTML.

    `cpu` is the median of what this process worked for it, which a busy machine changes less: all of it on SQLite.
    """

    path: str
    status: int
    first: float
    seconds: float
    cpu: float
    size: int
    is_html: bool


def on_sqlite(size: Size = Size()) -> Row:  # noqa: B008  (frozen)
    """The slowest and the largest page on SQLite."""
    return _row("SQLite", measured(stock.sqlite, size))


def on_postgresql(size: Size = Size()) -> Row:  # noqa: B008  (frozen)
    """The slowest and the largest page on PostgreSQL."""
    return _row("PostgreSQL", measured(stock.postgresql, size))


def measured(database: Callable[[], AbstractContextManager[str]], size: Size) -> list[Page]:
    """Each page that answers a GET, asked on a press of that size."""
    with database() as url, TemporaryDirectory() as folder:
        large_press.fill(url, Path(folder), size)
        return sweep(url, Path(folder), size)


def sweep(url: str, data_dir: Path, size: Size) -> list[Page]:
    """The same, of a database that is there."""
    secret = SecretStr("a secret for benchmarks")
    settings = Settings(_env_file=None, database_url=url, data_dir=data_dir, base_url=BASE_URL, secret_key=secret)
    services = wiring.open_services(settings)
    app = create_app(services)
    browser = app.test_client()
    browser.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    signed_in = browser.post("/desk/sign-in", data={"email": large_press.OWNER, "password": large_press.PASSWORD})
    assert signed_in.status_code == 303, signed_in.status  # noqa: S101
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and rule.endpoint not in _ASIDE]
    pages = [_ask(browser, path) for rule in rules for path in _addresses(rule, services.links, size)]
    services.close()
    return pages


def _ask(browser: FlaskClient, path: str) -> Page:
    answers, seconds, worked = [], [], []
    for _ in range(RUNS + 1):
        began, began_work = time.perf_counter(), time.process_time()
        answers.append(browser.get(path))
        seconds.append(time.perf_counter() - began)
        worked.append(time.process_time() - began_work)
    answer, median, cpu = answers[-1], statistics.median(seconds[1:]), statistics.median(worked[1:])
    is_html = answer.mimetype == "text/html"
    return Page(path, answer.status_code, seconds[0], median, cpu, len(answer.data), is_html)


def _addresses(rule: Rule, links: Links, size: Size) -> Iterator[str]:
    """A rule's addresses with all there is to ask about: an issue of each kind, a reader, a good token."""
    for path in {_filled(rule.rule, slug, links) for slug in (SENT, "sent-500", DRAFT, READY)}:
        yield path
        for question in _QUESTIONS.get(rule.endpoint, ()):
            yield path + question.format(half=size.readers // 2)


def _filled(rule: str, slug: str, links: Links) -> str:
    token = {
        "/c/": links.click(1, 1),
        "/confirm/": "forged",
        "/unsubscribe/": links.unsubscribe(7),
        "/preferences/": links.preferences(7),
    }
    made = next((link.rpartition("/")[2] for prefix, link in token.items() if rule.startswith(prefix)), "forged")
    known = {
        "slug": slug,
        "token": made,
        "publication": "back-pain-help",
        "kind": "privacy",
        "part": "name",
        "subscription_id": "7",
    }
    return re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", lambda hole: known.get(hole[1], "1"), rule)


def _row(name: str, pages: list[Page]) -> Row:
    slowest = max(pages, key=lambda page: page.seconds)
    largest = max((page for page in pages if page.is_html), key=lambda page: page.size)
    return Row(
        f"{len(pages)} pages at {Size().readers:,} readers, {name}",
        f"slowest {slowest.seconds * 1000:.0f} ms, {largest.size // 1000} kB",
        f"{slowest.path[:24]}, {largest.path[:13]}",
        None,
        f"≤ {LIMIT * 1000:.0f} ms, ≤ {LARGEST // 1000} kB",
    )


def report(pages: list[Page]) -> None:
    """The slowest and the largest: how long they took, of that our own work, how long at first."""
    for name, key in (
        ("slowest", lambda page: page.seconds),
        ("most work", lambda page: page.cpu),
        ("slowest at first", lambda page: page.first),
        ("largest", lambda page: page.size),
    ):
        print(f"\n{name}")
        for page in sorted(pages, key=key, reverse=True)[:20]:
            times = "".join(f"{each * 1000:6.0f} ms" for each in (page.seconds, page.cpu, page.first))
            print(f"{times} {page.size:9,} B  {page.status} {page.path}")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    wanted = Size(readers=int(sys.argv[1])) if sys.argv[1:] else Size()
    report(measured(getattr(stock, sys.argv[2] if sys.argv[2:] else "sqlite"), wanted))
