"""Click counting: a tracked link redirects to its target and is counted, but not for whom.

The request only reads; clicks are buffered in the process and written in groups a few seconds later
(docs/decisions/0010-clicks-are-counted-of-links.md).
"""

import re
import threading
from collections import Counter

import structlog
from flask import Flask, current_app, redirect, request
from werkzeug.wrappers import Response

from newsletter.db import AWAY, Sessions
from newsletter.delivery.reports import clicks
from newsletter.errors import Invalid
from newsletter.web.context import services
from newsletter.web.public import private_pages

log = structlog.get_logger()

_KEY = "newsletter.clicks"
_SECONDS = 3.0
# User agents that are no person's browser: crawlers, link previews, mail scanners, libraries.
_ROBOT = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|scan|monitor|proofpoint|barracuda|mimecast|symantec|trendmicro|"
    r"facebookexternalhit|googleimageproxy|yahoomailproxy|curl|wget|python|java/|okhttp|go-http|libwww|headless",
    re.IGNORECASE,
)

blueprint = private_pages.blueprint("clicks", __name__)


@blueprint.get("/c/<token>")
def follow(token: str) -> Response:
    """Redirect to the target of a link; 404 for a forged token."""
    letter_id, number = services().links.open_click(token)
    with services().sessions.reading() as session:
        url = clicks.target(session, letter_id, number)
    if url is None:
        raise Invalid(token)
    if _is_a_person():
        _buffer().note(letter_id, number)
    return redirect(url, 302)


def flush_clicks(app: Flask) -> None:
    """Write all buffered clicks now."""
    if _KEY in app.extensions:
        app.extensions[_KEY].write()


class ClickBuffer:
    """Clicks that are not written yet; a process that is killed loses a few seconds of them."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._followed: Counter[tuple[int, int]] = Counter()
        self._later: threading.Timer | None = None

    def note(self, letter_id: int, number: int) -> None:
        """Count a click, and schedule writing it."""
        with self._lock:
            self._followed[letter_id, number] += 1
            self._schedule_write()

    def write(self) -> None:
        """Write all clicks now; those that cannot be written stay buffered."""
        with self._lock:
            followed, self._followed = self._followed, Counter()
            if self._later is not None:
                self._later.cancel()
                self._later = None
        if followed:
            self._write(followed)

    def _write(self, followed: Counter[tuple[int, int]]) -> None:
        try:
            with self._sessions.begin() as session:
                clicks.add_clicks(session, followed)
        except AWAY as error:
            log.warning("clicks could not be written; trying again", error=type(getattr(error, "orig", error)).__name__)
            with self._lock:
                self._followed.update(followed)
                self._schedule_write()

    def _schedule_write(self) -> None:
        if self._later is None:
            self._later = threading.Timer(_SECONDS, self.write)
            self._later.daemon = True
            self._later.start()


def _buffer() -> ClickBuffer:
    gathered: ClickBuffer = current_app.extensions.setdefault(_KEY, ClickBuffer(services().sessions))
    return gathered


def _is_a_person() -> bool:
    """Whether the user agent is a person's browser, as far as it says."""
    looks = clicks.UNCOUNTED in request.args or request.method != "GET"
    fetched_ahead = "prefetch" in (request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", ""))
    browser = request.headers.get("User-Agent", "")
    return not (looks or fetched_ahead or not browser or _ROBOT.search(browser))
