"""Live progress of an issue that is being sent: a part of its page, polled or as server-sent events."""

import time
from collections.abc import Iterator

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from newsletter.db import AWAY, Session
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, IssueState
from newsletter.errors import NotFound
from newsletter.web.context import services
from newsletter.web.desk import lookup, progress_view, streams
from newsletter.web.desk.lookup import Mailed

FOLLOWED = (IssueState.SENDING, IssueState.PAUSED)
"""Paused issues as well, because copies in flight still get their outcome, and a colleague may resume."""
_SECONDS = 30.0
"""The length of a stream; the browser then opens the next one, which checks again who is signed in."""
_EVERY = 1.0


def progress(slug: str) -> ResponseReturnValue:
    """The part of an issue's page that changes while it is sent; the whole page once its state has changed."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        if request.args.get("state") != issue_store.state(found):
            return make_response("", 200, {"HX-Refresh": "true"})
        return _fragment(store, found)


def events(slug: str) -> ResponseReturnValue:
    """The same as server-sent events; 503 if too many streams are open, and the page then polls."""
    with services().sessions.reading() as store:
        state = issue_store.state(lookup.issue(store, slug))
    if state not in FOLLOWED or request.method == "HEAD":
        return Response(status=204)
    return streams.stream("text/event-stream", _events(slug, state)) or Response(status=503)


def _events(slug: str, state: IssueState) -> Iterator[str]:
    end = time.monotonic() + _SECONDS
    before = ""
    while (part := _current_fragment(slug, state)) is not None:
        yield streams.event("progress", part) if part not in ("", before) else streams.keep_alive()
        before = part or before
        time.sleep(_EVERY)
        if time.monotonic() >= end:
            return
    yield streams.event("over")


def _current_fragment(slug: str, state: IssueState) -> str | None:
    """The current fragment; None once the issue's state has changed, empty while the database does not answer."""
    try:
        with services().sessions.reading() as store:
            found = lookup.issue(store, slug)
            return _fragment(store, found) if issue_store.state(found) is state else None
    except AWAY:
        return ""
    except NotFound:
        return None


def _fragment(store: Session, found: Issue) -> str:
    progress = progress_view.progress_of(store, found.letter)
    return render_template("desk/parts/going.html", issue=found, mailed=Mailed(found), progress=progress)
