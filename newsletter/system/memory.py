"""How the C library's memory is shared by threads."""

import contextlib
import ctypes

_M_ARENA_MAX = -8  # mallopt(3)


def share_arenas() -> None:
    """Let all threads share two memory arenas: glibc makes one for each thread, and they do not share free memory."""
    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)
