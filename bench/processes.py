"""Processes of ours and of references, for as long as something is measured."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from newsletter.system.ports import responds


@contextmanager
def running(settings: Mapping[str, str], *arguments: str) -> Iterator[int]:
    """A Python process with these settings in its environment; its id."""
    process = subprocess.Popen([sys.executable, *arguments], env=os.environ | settings)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


@contextmanager
def serving(port: int, settings: Mapping[str, str], *arguments: str) -> Iterator[int]:
    """The same for a web server, once it answers on that port."""
    with running(settings, *arguments) as pid:
        deadline = time.monotonic() + 60
        while not responds(f"http://127.0.0.1:{port}/healthz"):
            if time.monotonic() > deadline:
                raise TimeoutError("the server did not start")
            time.sleep(0.1)
        yield pid


def cpu_seconds(pid: int) -> float:
    """Seconds of CPU so far, the start and all; only Linux tells them of another process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
