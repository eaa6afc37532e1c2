"""One press run in a process of its own, so that its CPU and its memory are its own: run it as `python -m bench.press`.

It says when it is ready, begins at a line of input, and ends with what it took, as JSON.
"""

import json
import logging
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, cast

import structlog

from bench import slow_disk
from newsletter.db import Sessions, open_engine
from newsletter.delivery.bulk.sender import BulkSender
from newsletter.delivery.bulk.settings import BulkSettings
from newsletter.delivery.message.dkim_keys import NO_KEYS, Keyring
from newsletter.delivery.rate_limit.limits import Limits
from newsletter.links import Links
from newsletter.mail_settings import MailServer
from newsletter.tokens import TokenSeal

LINKS = Links("https://letters.example.org", TokenSeal(b"a secret for benchmarks"))
SELECTOR = "press"


@dataclass(frozen=True, slots=True)
class Run:
    """What a run took: seconds by the clock, seconds of CPU, and at its peak so many megabytes of memory."""

    seconds: float
    cpu: float
    megabytes: float


def runs(
    url: str, port: int, connections: int, workers: int = 1, keys: Path | None = None, sync: float = 0.0
) -> list[Run]:
    """Send what waits in this database to this port, by so many workers at once, signed by the keys in a folder.

    Where the database is SQLite's, each sync of its disk takes so many seconds longer.
    """
    command = [sys.executable, "-m", "bench.press", url, str(port), str(connections), str(keys or "")]
    started = [
        subprocess.Popen(
            [*command, f"bench-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=slow_disk.environment(sync),
        )
        for number in range(workers)
    ]
    for process in started:
        cast("IO[str]", process.stdout).readline()
    for process in started:
        entrance = cast("IO[str]", process.stdin)
        entrance.write("go\n")
        entrance.flush()
    return [Run(**json.loads(process.communicate()[0])) for process in started]


def main(arguments: Sequence[str]) -> None:
    """As a process."""
    url, port, connections, folder, worker = arguments
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    engine = open_engine(url)
    limits = Limits(connections=int(connections))
    keyring = Keyring.load(Path(folder), [SELECTOR]) if folder else NO_KEYS
    server = MailServer("127.0.0.1", int(port))
    press = BulkSender(Sessions(engine), BulkSettings(server, LINKS, limits, keyring), worker=worker)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(asdict(_measured(press))))
    engine.dispose()


def _measured(press: BulkSender) -> Run:
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    while press.run_once():
        pass
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Run(seconds, cpu, after.ru_maxrss / unit)


if __name__ == "__main__":
    main(sys.argv[1:])
