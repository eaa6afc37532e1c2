"""Readers' pages, asked for again and again; beside a static file by the same server."""

import http.client
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

from sqlalchemy import update

from bench import stock
from bench.processes import cpu_seconds, serving
from bench.rows import Row
from newsletter.db import Sessions, open_engine
from newsletter.delivery.models import Letter
from newsletter.system.ports import free_port

PAIRS = 7
REQUESTS = 1_000
FILE = "/assets/site.css"


@dataclass(frozen=True, slots=True)
class _Load:
    rate: float
    """Answers a second."""
    cpu: float
    """Seconds of the server's CPU for an answer."""


def measure() -> Row:
    """An issue's page in the archive."""
    return _beside_a_file("an issue's page in the archive, one client", "/archive/unwind-a-tight-back/")


def of_home() -> Row:
    """The home page, which has the form and the latest issues."""
    return _beside_a_file("the home page, one client", "/")


def _beside_a_file(what: str, path: str) -> Row:
    """Pages a second, and a file's; in turn, because a busy machine changes from one second to the next."""
    with TemporaryDirectory() as folder:
        port = free_port()
        where = {"DATA_DIR": folder, "DATABASE_URL": f"sqlite:///{folder}/bench.db", "PORT": str(port)}
        stock.fill(where["DATABASE_URL"], 1)
        _let_it_begin(where["DATABASE_URL"])
        with serving(port, {"LOG_LEVEL": "error", **where}, "-m", "newsletter", "serve") as pid:
            pairs = [(_load(port, pid, path), _load(port, pid, FILE)) for _ in range(PAIRS)]
    pages, files = zip(*pairs, strict=True)
    return Row(
        what,
        _said(pages),
        f"a static file: {_said(files)}",
        statistics.median(page.rate / file.rate for page, file in pairs),
        "≥ 0.5",
    )


def _let_it_begin(url: str) -> None:
    """Publish the issue, which otherwise a worker does."""
    engine = open_engine(url)
    with Sessions(engine).begin() as session:
        session.execute(update(Letter).values(started_at=datetime.now(UTC)))
    engine.dispose()


def _load(port: int, pid: int, path: str) -> _Load:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    before, began = cpu_seconds(pid), time.perf_counter()
    for _ in range(REQUESTS):
        client.request("GET", path)
        answer = client.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
    seconds, worked = time.perf_counter() - began, cpu_seconds(pid) - before
    client.close()
    return _Load(REQUESTS / seconds, worked / REQUESTS)


def _said(loads: tuple[_Load, ...]) -> str:
    rate, cpu = (statistics.median(getattr(load, name) for load in loads) for name in ("rate", "cpu"))
    return f"{rate:,.0f}/s, {cpu * 1e6:,.0f} µs of CPU"
