"""A disk whose syncs take time, for a process that is started on it.

The delay is in C. A hook in Python must win the interpreter's lock back from the press's own loop, twice in each sync,
so a delay of 1 ms would be longer than it says.
"""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.sinks import Missing

_SOURCE = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int late(long call, int file) {
    struct timespec delay = {0, atol(getenv("SYNC_NANOSECONDS"))};
    nanosleep(&delay, NULL);
    return syscall(call, file);
}

int fsync(int file) { return late(SYS_fsync, file); }
int fdatasync(int file) { return late(SYS_fdatasync, file); }
"""


def environment(seconds: float) -> dict[str, str]:
    """The environment of a process each of whose syncs takes so much longer; Missing where no C compiler is."""
    if not seconds:
        return dict(os.environ)
    library = Path(_built().name, "late.so")
    return {**os.environ, "LD_PRELOAD": str(library), "SYNC_NANOSECONDS": str(round(seconds * 1e9))}


@cache
def _built() -> TemporaryDirectory[str]:
    if not (compiler := shutil.which("cc")):
        raise Missing("cc is missing (Debian: gcc)")
    folder = TemporaryDirectory()
    command = [compiler, "-shared", "-fPIC", "-xc", "-", "-o", f"{folder.name}/late.so"]
    subprocess.run(command, input=_SOURCE, text=True, check=True)
    return folder
