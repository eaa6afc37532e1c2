"""The press run, its ledger complete: beside Postfix's C generator, from afar, by two, and as the list grows."""

import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import press, sinks, stock
from bench.press import Run
from bench.rows import RUNS, Row
from newsletter.delivery import keyring

COPIES = 20_000
OCTETS = 39_000
"""As large as a copy of ours, for smtp-source."""
CONNECTIONS = 20

Database = Callable[[], AbstractContextManager[str]]


def on_sqlite() -> Row:
    """Copies a second on SQLite."""
    return _beside_source("SQLite", stock.sqlite, "≥ 0.9, ≤ 100 µs")


def on_postgresql() -> Row:
    """Copies a second on PostgreSQL, whose server has the same two cores."""
    return _beside_source("PostgreSQL", stock.postgresql, "≥ 0.6")


def from_afar() -> Row:
    """Copies a second where each answer takes 20 ms, on 10 connections."""
    return _from_afar(10, 4_000, 400)


def from_afar_on_many() -> Row:
    """The same on 50 connections."""
    return _from_afar(50, 20_000, 2_000)


def by_two() -> Row:
    """Two workers beside one, on PostgreSQL, where each message takes the server 5 ms."""
    copies, connections = 10_000, 4
    pairs = [[_slow(copies, connections, workers) for workers in (1, 2)] for _ in range(RUNS)]
    one, two = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    return Row(
        f"two workers, PostgreSQL, 5 ms a message, {connections} connections each",
        f"{two:,.0f}/s",
        f"one worker: {one:,.0f}/s",
        two / one,
        "≥ 1.9",
    )


def signed() -> Row:
    """Copies a second signed with RSA-2048 by two processes, beside one that signs nothing."""
    with TemporaryDirectory() as folder:
        keys = keyring.make(Path(folder), stock.SENDER_DOMAIN, press.SELECTOR).parent
        pairs = [(_plain(1, None), _plain(2, keys)) for _ in range(RUNS)]
    plain, signed = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    return Row(
        f"signed with RSA-2048 by two processes, SQLite, {CONNECTIONS} connections",
        f"{signed:,.0f}/s",
        f"one process, not signed: {plain:,.0f}/s",
        statistics.median(with_key / without for without, with_key in pairs),
        "≥ 0.5, ≥ 2,000/s",
    )


def as_the_list_grows() -> Row:
    """What a copy costs in an issue of many copies, beside one of few; and the memory it takes."""
    few, many = 10_000, 200_000
    small, large = _alone(few), _alone(many)
    grown = large.megabytes / small.megabytes
    return Row(
        f"CPU a copy, {few:,} → {many:,} copies, SQLite",
        f"{large.cpu / many * 1e6:.0f} µs, {large.megabytes:.0f} MB",
        f"{small.cpu / few * 1e6:.0f} µs, {small.megabytes:.0f} MB (memory x {grown:.2f})",
        (large.cpu / many) / (small.cpu / few),
        "≤ 1.1, ≤ 120 MB",
    )


def _beside_source(name: str, database: Database, reach: str) -> Row:
    pairs = [_pair(database) for _ in range(RUNS)]
    ours = [COPIES / run.seconds for run, _ in pairs]
    theirs = [COPIES / seconds for _, seconds in pairs]
    cpu = statistics.median(run.cpu for run, _ in pairs) / COPIES * 1e6
    return Row(
        f"press run of {COPIES:,} copies, {name}, {CONNECTIONS} connections",
        f"{statistics.median(ours):,.0f}/s, {cpu:.0f} µs of CPU a copy",
        f"smtp-source -d: {statistics.median(theirs):,.0f}/s",
        statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True)),
        reach,
    )


def _pair(database: Database) -> tuple[Run, float]:
    with database() as url, sinks.near() as port:
        stock.fill(url, COPIES)
        [run] = press.runs(url, port, CONNECTIONS)
        return run, sinks.source_seconds(port, COPIES, CONNECTIONS, OCTETS)


def _from_afar(connections: int, copies: int, least: int) -> Row:
    rates = []
    for _ in range(RUNS):
        with stock.sqlite() as url, sinks.far(0.020) as port:
            stock.fill(url, copies)
            [run] = press.runs(url, port, connections)
            rates.append(copies / run.seconds)
    best = connections / 0.020
    rate = statistics.median(rates)
    what = f"answers take 20 ms, {connections} connections"
    return Row(what, f"{rate:,.0f}/s", f"one round trip a message: {best:,.0f}/s", rate / best, f"≥ {least:,}/s")


def _slow(copies: int, connections: int, workers: int) -> float:
    with stock.postgresql() as url, sinks.far(0.005) as port:
        stock.fill(url, copies)
        return copies / max(run.seconds for run in press.runs(url, port, connections, workers))


def _plain(workers: int, keys: Path | None) -> float:
    with stock.sqlite() as url, sinks.near() as port:
        stock.fill(url, COPIES)
        return COPIES / max(run.seconds for run in press.runs(url, port, CONNECTIONS, workers, keys))


def _alone(copies: int) -> Run:
    with stock.sqlite() as url, sinks.near() as port:
        stock.fill(url, copies)
        [run] = press.runs(url, port, CONNECTIONS)
        return run
