"""The standard streams of a command: opened where they were closed, and written to the end before it exits."""

import errno
import os
import sys
from io import FileIO, TextIOWrapper
from typing import Any, NoReturn

_OUTPUT = "standard output"


class _ClosedOutput(FileIO):
    """Keeps the descriptor of a standard output that was closed, and refuses what is written to it."""

    def write(self, _data: Any, /) -> NoReturn:
        raise OSError(errno.EBADF, "it is closed, and nothing was written to it", _OUTPUT)


def prepare() -> None:
    """Open the standard streams that were closed; what is written for programs is UTF-8 in any locale."""
    # In their order, so that each gets its own descriptor to the end, and no database or socket gets it.
    if sys.stdin is None:
        sys.stdin = os.fdopen(_nothing(), closefd=False, encoding="utf-8")
    if sys.stdout is None:
        sys.stdout = TextIOWrapper(_ClosedOutput(_nothing(), "w", closefd=False), "utf-8", write_through=True)
    if sys.stderr is None:
        sys.stderr = os.fdopen(_nothing(), "w", closefd=False, encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            if stream.isatty():
                # It shows no other characters than those of its locale.
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8")


def write_rest() -> None:
    """Write what waits to be written to standard output; OSError if that cannot be done."""
    try:
        sys.stdout.flush()
    except OSError as error:
        discard_rest()
        raise OSError(error.errno, error.strerror, _OUTPUT) from None


def discard_rest() -> None:
    """Let go of what could not be written: the interpreter would try again at its end, and exit with 120."""
    os.dup2(_nothing(), sys.stdout.fileno())


def _nothing() -> int:
    return os.open(os.devnull, os.O_RDWR)
