"""Streamed answers, limited in number so that pages do not wait for them."""

import threading
from collections.abc import Iterator

from flask import Response, current_app, stream_with_context

MOST = 4
"""At most a quarter of the threads that handle requests; at most half for both kinds together."""

_KEY = "newsletter.streams"
_UNBUFFERED = {"X-Accel-Buffering": "no"}


def stream(kind: str, parts: Iterator[str], **headers: str) -> Response | None:
    """A streamed answer of that media type; None if too many of the same type are open."""
    key = f"{_KEY}.{kind}"
    seats: threading.Semaphore = current_app.extensions.setdefault(key, threading.BoundedSemaphore(MOST))
    if not seats.acquire(blocking=False):
        return None
    answer = Response(stream_with_context(parts), mimetype=kind, headers={**_UNBUFFERED, **headers})
    # Whether it was read to the end, aborted, or never started.
    answer.call_on_close(seats.release)
    return answer


def event(name: str, data: str = "") -> str:
    """A server-sent event."""
    return "".join([f"event: {name}\n", *(f"data: {line}\n" for line in data.splitlines() or [""]), "\n"])


def keep_alive() -> str:
    """A comment that finds out whether the client is still connected."""
    return ":\n\n"
