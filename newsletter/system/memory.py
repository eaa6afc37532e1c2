"""How the C library's memory is shared by threads, and how often Python looks for reference cycles."""

import contextlib
import ctypes
import gc

_M_ARENA_MAX = -8  # mallopt(3)


def share_one_arena() -> None:
    """Let all threads share one memory arena: glibc makes one for each thread, and they do not share free memory."""
    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Give free memory back to the system, which the C library otherwise keeps for what comes next."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def collect_rarely() -> None:
    """For many rows without reference cycles: looking for cycles as often as by default costs a fifth of the time.

    What is loaded so far is there to stay, and not looked at again.
    """
    gc.set_threshold(50_000)
    gc.freeze()
