"""Sign-ups through the form, two hundred at once, while an issue goes out; beside a Flask view that inserts a row.

`python -m bench.signing_up PORT DATABASE` is that view, as a process.
"""

import asyncio
import logging
import re
import sqlite3
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from bench import sinks, stock
from bench.processes import running, serving
from bench.rows import RUNS, Row
from newsletter.system.ports import free_port
from newsletter.web.forms import QUICKEST

AT_ONCE = 200
SIGN_UPS = 2_000
COPIES = 100_000
"""More than leave while it is measured."""
_PLAIN_THREADS = 16
"""The reference's; with more it is slower, because each waits for the writer by itself."""

_ASKED_TO_WAIT = b'name="waited"'
_HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Load:
    """What a load took: answers a second, and within how many seconds 99 of 100 came."""

    rate: float
    p99: float


def measure() -> Row:
    """Sign-ups a second, and how long the slowest wait."""
    pairs = [_pair() for _ in range(RUNS)]
    ours, plain = zip(*pairs, strict=True)
    return Row(
        f"sign-ups, {AT_ONCE} at once, while an issue goes out",
        f"{_rate(ours):,.0f}/s, p99 {statistics.median(load.p99 for load in ours):.2f} s",
        f"a Flask view that inserts a row: {_rate(plain):,.0f}/s",
        statistics.median(mine.rate / other.rate for mine, other in pairs),
        "≥ 0.6, p99 ≤ 1 s",
    )


def _pair() -> tuple[Load, Load]:
    with TemporaryDirectory() as folder, sinks.near() as sink:
        settings = _settings(Path(folder), sink)
        stock.fill(settings["DATABASE_URL"], COPIES)
        stock.make_sign_ups_usual(settings["DATABASE_URL"])
        port = free_port()
        with (
            running(settings, "-m", "newsletter", "worker"),
            serving(port, settings | {"PORT": str(port)}, "-m", "newsletter", "serve"),
        ):
            ours = asyncio.run(_load(port, "/subscribe", _form(port)))
        port = free_port()
        # The same issue goes on meanwhile, for it takes of the processors as well.
        with (
            running(settings, "-m", "newsletter", "worker"),
            serving(port, settings, "-m", "bench.signing_up", str(port), f"{folder}/plain.db"),
        ):
            return ours, asyncio.run(_load(port, "/", {}))


def _settings(folder: Path, sink: int) -> dict[str, str]:
    """For a press of its own, whose caps nobody meets."""
    caps = dict.fromkeys(("SIGNUP_CAP_CLIENT", "SIGNUP_CAP_DOMAIN", "SIGNUP_CAP_PRESS"), "1000000")
    mail = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(sink), "MAIL_DEFAULT_SENDER": "press@letters.example"}
    where = {"DATA_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder}/bench.db"}
    return {"LOG_LEVEL": "error", **where, **caps, **mail}


def _form(port: int) -> dict[str, str]:
    """What our own form carries beside what a reader types, once a reader could have typed it."""
    with urlopen(Request(f"http://127.0.0.1:{port}/subscribe"), timeout=30) as page:
        hidden = dict(_HIDDEN.findall(page.read().decode()))
    time.sleep(QUICKEST.total_seconds())
    return hidden


async def _load(port: int, path: str, form: Mapping[str, str]) -> Load:
    waiting = iter(range(SIGN_UPS))
    took: list[float] = []

    async def readers() -> None:
        for number in waiting:
            asked = {**form, "email": f"reader{number}@sign-up.example", "name": "Ada"}
            took.append(await _post(port, path, asked))

    began = time.perf_counter()
    await asyncio.gather(*(readers() for _ in range(AT_ONCE)))
    return Load(SIGN_UPS / (time.perf_counter() - began), statistics.quantiles(took, n=100)[98])


async def _post(port: int, path: str, form: Mapping[str, str]) -> float:
    body = urlencode(form)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n"
    kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{head}{kind}{body}".encode())
    answer = await reader.read()
    writer.close()
    if not answer.startswith(b"HTTP/1.1 200") or _ASKED_TO_WAIT in answer:
        raise RuntimeError(answer.decode(errors="replace")[:300])
    return time.perf_counter() - began


def _rate(loads: tuple[Load, ...]) -> float:
    return statistics.median(load.rate for load in loads)


def _plain_view(port: int, path: str) -> None:
    """The reference: one row a request, as durable as ours, by the same server."""
    from flask import Flask, request
    from waitress import serve

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    connect().execute("CREATE TABLE readers (id INTEGER PRIMARY KEY, email TEXT, name TEXT)")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    app = Flask(__name__)

    @app.post("/")
    def insert() -> str:
        connection = connect()
        connection.execute("INSERT INTO readers (email, name) VALUES (?, ?)", (request.form["email"], "Ada"))
        connection.close()
        return "Look into your mailbox."

    app.add_url_rule("/healthz", view_func=lambda: "ok")
    serve(app, host="127.0.0.1", port=port, threads=_PLAIN_THREADS, connection_limit=1000)


if __name__ == "__main__":
    _plain_view(int(sys.argv[1]), sys.argv[2])
