"""The press run, its ledger complete: beside Postfix's C generator, from afar, by two, and as the list grows."""

import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import press, sinks, stock, worker
from bench.press import Run
from bench.rows import RUNS, Row
from newsletter.delivery.message import dkim_keys

COPIES = 20_000
CONNECTIONS = 20
WORKERS_COPIES = 40_000
"""Enough that what the worker does at its start weighs little; its CPU is told with that."""
SLOW_DISKS_COPIES = 10_000
SLOW_DISKS_PAIRS = 7

Database = Callable[[], AbstractContextManager[str]]


def on_sqlite() -> Row:
    """Copies a second on SQLite."""
    return _beside_source("SQLite", stock.sqlite, "≥ 0.9, ≤ 100 µs")


def on_postgresql() -> Row:
    """Copies a second on PostgreSQL, whose server has the same two cores."""
    return _beside_source("PostgreSQL", stock.postgresql, "≥ 0.6")


def by_the_worker_on_sqlite() -> Row:
    """Copies a second by `newsletter worker` itself on SQLite."""
    return _by_the_worker("SQLite", stock.sqlite, "≥ 0.95, ≤ 110 MB")


def by_the_worker_on_postgresql() -> Row:
    """The same on PostgreSQL."""
    return _by_the_worker("PostgreSQL", stock.postgresql, "≥ 0.7, ≤ 110 MB")


def on_slow_disks() -> Row:
    """Copies a second on SQLite where each sync of the disk takes 1, 5 or 10 ms, beside one that takes no time."""
    return _on_slow_disks(CONNECTIONS)


def on_slow_disks_by_more() -> Row:
    """The same over half as many connections again: while some wait for the disk, others go on."""
    return _on_slow_disks(CONNECTIONS * 3 // 2)


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
        keys = dkim_keys.create_key(Path(folder), stock.SENDER_DOMAIN, press.SELECTOR).parent
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


def _by_the_worker(name: str, database: Database, reach: str) -> Row:
    pairs = []
    for _ in range(RUNS):
        with database() as url, sinks.near() as port:
            stock.fill(url, WORKERS_COPIES)
            ours = worker.run(url, port, CONNECTIONS)
            pairs.append((ours, _source_seconds(url, port, WORKERS_COPIES)))
    rates = [WORKERS_COPIES / run.seconds for run, _ in pairs]
    theirs = [WORKERS_COPIES / seconds for _, seconds in pairs]
    cpu = statistics.median(run.cpu for run, _ in pairs) / WORKERS_COPIES * 1e6
    megabytes = max(run.megabytes for run, _ in pairs)
    return Row(
        f"newsletter worker, {WORKERS_COPIES:,} copies, {name}, {CONNECTIONS} connections",
        f"{statistics.median(rates):,.0f}/s, {cpu:.0f} µs of CPU a copy, {megabytes:.0f} MB",
        f"smtp-source -d: {statistics.median(theirs):,.0f}/s",
        statistics.median(mine / other for mine, other in zip(rates, theirs, strict=True)),
        reach,
    )


def _on_slow_disks(connections: int) -> Row:
    with stock.sqlite_in_memory() as url:
        stock.fill(url, SLOW_DISKS_COPIES)
        # A pair takes seconds, and so many of them tell the disk from the noise of the machine.
        pairs = [[_on_disk(url, sync, connections) for sync in (0.0, 0.001)] for _ in range(SLOW_DISKS_PAIRS)]
        slower = [statistics.median(_on_disk(url, sync, connections) for _ in range(RUNS)) for sync in (0.005, 0.010)]
    at_once, after_one = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    shares = sorted(slow / quick for quick, slow in pairs)
    told = ", ".join(f"{rate / at_once:.2f}" for rate in slower)
    return Row(
        f"a sync takes 1, 5, 10 ms, SQLite, {connections} connections",
        f"{', '.join(f'{rate:,.0f}' for rate in (after_one, *slower))}/s",
        f"no time: {at_once:,.0f}/s (1 ms: {shares[0]:.2f} to {shares[-1]:.2f}; 5, 10 ms: {told})",
        statistics.median(shares),
        "≥ 0.9 at 1 ms",
    )


def _on_disk(url: str, sync: float, connections: int) -> float:
    with stock.copied(url) as own, sinks.near() as port:
        [run] = press.runs(own, port, connections, sync=sync)
        return SLOW_DISKS_COPIES / run.seconds


def _pair(database: Database) -> tuple[Run, float]:
    with database() as url, sinks.near() as port:
        stock.fill(url, COPIES)
        [run] = press.runs(url, port, CONNECTIONS)
        return run, _source_seconds(url, port, COPIES)


def _source_seconds(url: str, port: int, copies: int) -> float:
    """What smtp-source takes for so many messages, each as large as a copy of ours."""
    return sinks.source_seconds(port, copies, CONNECTIONS, stock.octets_of_copy(url))


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
