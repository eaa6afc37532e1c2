"""How the C library's memory is shared by threads, and how often Python looks for reference cycles."""

import contextlib
import ctypes
import gc

_M_ARENA_MAX = -8  # mallopt(3)


def share_arenas() -> None:
    """Let all threads share two memory arenas: glibc makes one for each thread, and they do not share free memory."""
    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def collect_rarely() -> None:
    """For many rows without reference cycles: looking for cycles as often as by default costs a fifth of the time."""
    gc.set_threshold(50_000)
