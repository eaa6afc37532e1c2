"""Streams: answers that take a while. A process gives so many of a kind at once, so that no page waits for them."""

import threading
from collections.abc import Iterator

from flask import Response, current_app, stream_with_context

MOST = 4
"""A quarter of the threads that answer requests; of the two kinds together, half."""

_KEY = "newsletter.streams"
_UNBUFFERED = {"X-Accel-Buffering": "no"}


def stream(kind: str, parts: Iterator[str], **headers: str) -> Response | None:
    """An answer of that media type as its parts come; None if so many of that type are under way already."""
    key = f"{_KEY}.{kind}"
    seats: threading.Semaphore = current_app.extensions.setdefault(key, threading.BoundedSemaphore(MOST))
    if not seats.acquire(blocking=False):
        return None
    answer = Response(stream_with_context(parts), mimetype=kind, headers={**_UNBUFFERED, **headers})
    # Whether it was read to the end, left in the middle, or never begun.
    answer.call_on_close(seats.release)
    return answer


def event(name: str, data: str = "") -> str:
    """One server-sent event."""
    return "".join([f"event: {name}\n", *(f"data: {line}\n" for line in data.splitlines() or [""]), "\n"])


def keep_alive() -> str:
    """Nothing to tell: it finds out whether anybody still listens."""
    return ":\n\n"
