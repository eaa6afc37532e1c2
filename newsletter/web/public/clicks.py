"""Counted links: a letter's link leads on to its page, and that it was followed is counted, of nobody.

The request itself only looks: what is counted gathers in this process and is written a few seconds later, in a
group (docs/decisions/0010-clicks-are-counted-of-links.md).
"""

import re
import threading
from collections import Counter

import structlog
from flask import Flask, current_app, redirect, request
from werkzeug.wrappers import Response

from newsletter.db import DatabaseDown, Sessions
from newsletter.delivery.reports import clicks
from newsletter.errors import Invalid
from newsletter.web.context import services
from newsletter.web.public import private_pages

log = structlog.get_logger()

_KEY = "newsletter.clicks"
_SECONDS = 3.0
# What names itself as no person's browser: crawlers, link previews, mail scanners, libraries.
_ROBOT = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|scan|monitor|proofpoint|barracuda|mimecast|symantec|trendmicro|"
    r"facebookexternalhit|googleimageproxy|yahoomailproxy|curl|wget|python|java/|okhttp|go-http|libwww|headless",
    re.IGNORECASE,
)

blueprint = private_pages.blueprint("clicks", __name__)


@blueprint.get("/c/<token>")
def follow(token: str) -> Response:
    """Lead on to where the letter's link leads; a token that we did not make leads nowhere."""
    letter_id, number = services().links.open_click(token)
    with services().sessions.reading() as session:
        url = clicks.target(session, letter_id, number)
    if url is None:
        raise Invalid(token)
    if _is_a_person():
        _gathered().note(letter_id, number)
    return redirect(url, 302)


def flush_clicks(app: Flask) -> None:
    """Write what has gathered; nothing of it is left to be written later."""
    if _KEY in app.extensions:
        app.extensions[_KEY].write()


class ClickBuffer:
    """Clicks that are not written yet; what is lost with a process that is killed is a few seconds' worth."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._followed: Counter[tuple[int, int]] = Counter()
        self._later: threading.Timer | None = None

    def note(self, letter_id: int, number: int) -> None:
        """Count one more, and see to it that it will be written."""
        with self._lock:
            self._followed[letter_id, number] += 1
            self._see_to_it()

    def write(self) -> None:
        """Write all of them now; what cannot be written is kept for the next time."""
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
        except DatabaseDown as error:
            log.warning("clicks could not be written; trying again", error=type(error.orig).__name__)
            with self._lock:
                self._followed.update(followed)
                self._see_to_it()

    def _see_to_it(self) -> None:
        if self._later is None:
            self._later = threading.Timer(_SECONDS, self.write)
            self._later.daemon = True
            self._later.start()


def _gathered() -> ClickBuffer:
    gathered: ClickBuffer = current_app.extensions.setdefault(_KEY, ClickBuffer(services().sessions))
    return gathered


def _is_a_person() -> bool:
    """Whether this is a person's browser, as far as it says so itself."""
    looks = clicks.UNCOUNTED in request.args or request.method != "GET"
    fetched_ahead = "prefetch" in (request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", ""))
    browser = request.headers.get("User-Agent", "")
    return not (looks or fetched_ahead or not browser or _ROBOT.search(browser))
