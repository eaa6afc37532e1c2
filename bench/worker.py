"""`newsletter worker` itself, as users run it: its clock and all its jobs beside the press run, in its own process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from sqlalchemy import func, select

from bench.press import LINKS, Run
from bench.processes import cpu_seconds
from newsletter.db import Sessions, open_engine
from newsletter.delivery.models import OVER, Copy, Letter

# Seconds between two looks whether the letter is over: each costs the worker nothing to speak of.
_LOOK = 0.25


def run(url: str, port: int, connections: int) -> Run:
    """Send what waits in this database to this port; seconds from the first copy begun to the last one ended."""
    with TemporaryDirectory() as folder, _working(url, port, connections, folder) as pid:
        engine = open_engine(url)
        seconds = _seconds_until_over(Sessions(engine))
        engine.dispose()
        return Run(seconds, cpu_seconds(pid), _peak(pid))


@contextmanager
def _working(url: str, port: int, connections: int, folder: str) -> Iterator[int]:
    settings = {
        "DATABASE_URL": url,
        "DATA_DIR": folder,
        "SECRET_KEY": "a secret for benchmarks",
        "BASE_URL": LINKS.base_url,
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": str(port),
        "MAIL_CONNECTIONS": str(connections),
    }
    command = [sys.executable, "-m", "newsletter", "worker"]
    process = subprocess.Popen(command, env=os.environ | settings, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _seconds_until_over(sessions: Sessions) -> float:
    over = select(func.count()).select_from(Letter).where(Letter.state.in_(OVER))
    while True:
        time.sleep(_LOOK)
        with sessions.reading() as session:
            if session.scalar(over):
                times = session.execute(select(func.min(Copy.begun_at), func.max(Copy.ended_at))).tuples().one()
                first, last = cast("tuple[datetime, datetime]", times)
                return (last - first).total_seconds()


def _peak(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**10
