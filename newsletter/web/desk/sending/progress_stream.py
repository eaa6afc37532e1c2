"""Following an issue while it goes out: a part of its page, asked for now and then, or sent as it changes."""

import time
from collections.abc import Iterator

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from newsletter.db import DatabaseDown, Session
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, IssueState
from newsletter.errors import NotFound
from newsletter.web.context import services
from newsletter.web.desk import lookup, progress_view, streams
from newsletter.web.desk.lookup import Mailed

FOLLOWED = (IssueState.SENDING, IssueState.PAUSED)
"""Of a paused issue, too, copies that were being handed over come to their end, and a colleague may resume it."""
_SECONDS = 30.0
"""A stream's length; a browser then opens the next one, with whoever is signed in by then."""
_EVERY = 1.0


def progress(slug: str) -> ResponseReturnValue:
    """The part of an issue's page that changes while it goes out; the whole page once its state has changed."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        if request.args.get("state") != issue_store.state(found):
            return make_response("", 200, {"HX-Refresh": "true"})
        return _shown(store, found)


def events(slug: str) -> ResponseReturnValue:
    """The same as server-sent events, as they come; 503 where too many follow already, and the page asks instead."""
    with services().sessions.reading() as store:
        state = issue_store.state(lookup.issue(store, slug))
    if state not in FOLLOWED or request.method == "HEAD":
        return Response(status=204)
    return streams.stream("text/event-stream", _told(slug, state)) or Response(status=503)


def _told(slug: str, state: IssueState) -> Iterator[str]:
    end = time.monotonic() + _SECONDS
    before = ""
    while time.monotonic() < end and (part := _part(slug, state)) is not None:
        yield streams.event("progress", part) if part not in ("", before) else streams.keep_alive()
        before = part or before
        time.sleep(_EVERY)
    if part is None:
        yield streams.event("over")


def _part(slug: str, state: IssueState) -> str | None:
    """What is shown now; None once the issue's state is another one, and nothing while the store does not answer."""
    try:
        with services().sessions.reading() as store:
            found = lookup.issue(store, slug)
            return _shown(store, found) if issue_store.state(found) is state else None
    except DatabaseDown:
        return ""
    except NotFound:
        return None


def _shown(store: Session, found: Issue) -> str:
    going = progress_view.progress_of(store, found.letter)
    return render_template("desk/parts/going.html", issue=found, mailed=Mailed(found), going=going)
