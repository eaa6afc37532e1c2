"""Contact requests at the desk: what waits for an answer and what was answered.

What somebody wrote is shown only to those who press a button for it, and the audit log records each time.
"""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session, require_witness
from newsletter.engagement import requests
from newsletter.engagement.requests import ContactRequest
from newsletter.errors import Conflict
from newsletter.web import auth
from newsletter.web.context import now, page_request, services
from newsletter.web.desk import audit_hook, frame
from newsletter.workflows import contact_requests
from newsletter.workflows.contact_requests import preferred_time_in_words

_PAGE = 50


def list_requests() -> str:
    """Those that wait, the longest waiting first; `?state=answered` for the others; `?before=` and `?after=` page."""
    are_answered = request.args.get("state") == "answered"
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        page = requests.page_of_requests(store, publication.id, page_request(), _PAGE, are_answered=are_answered)
        return frame.page(
            store,
            "requests.html",
            "issues",
            publication,
            zone=publication.time_zone,
            page=page,
            are_answered=are_answered,
            waiting=requests.count_waiting(store, publication.id),
            preferred_time=preferred_time_in_words,
        )


def show_request(request_id: int) -> str:
    """What it is about, and how it stands."""
    with services().sessions.reading() as store:
        return _page(store, _load(store, request_id), shows_text=False)


def read_request(request_id: int) -> str:
    """The same with who wrote it and what they wrote."""
    with services().sessions.begin() as store:
        found = _act_on(store, request_id)
        found.read_at, found.read_by = now(), auth.email()
        require_witness(store)
        return _page(store, found, shows_text=True)


def answer_request(request_id: int) -> ResponseReturnValue:
    """Mark it as answered."""
    with services().sessions.begin() as store:
        requests.mark_answered(store, _act_on(store, request_id), auth.email(), now())
    flash("Marked as answered.")
    return redirect(url_for("desk.list_requests"), 303)


def reopen_request(request_id: int) -> ResponseReturnValue:
    """Let it wait again."""
    with services().sessions.begin() as store:
        requests.reopen_request(_act_on(store, request_id))
    flash("It waits for an answer again.")
    return redirect(url_for("desk.show_request", request_id=request_id), 303)


def delete_request(request_id: int) -> ResponseReturnValue:
    """Delete it for good."""
    with services().sessions.begin() as store:
        found = _act_on(store, request_id)
        if request.form.get("sure") != "yes":
            raise Conflict("Tick the box first, so that nothing is deleted by mistake.")
        state = "answered" if found.answered_at else None
        contact_requests.delete_request(store, found)
    services().sessions.checkpoint()
    flash("The request is deleted.")
    return redirect(url_for("desk.list_requests", state=state), 303)


def _load(store: Session, request_id: int) -> ContactRequest:
    return requests.load_request(store, frame.current_publication(store).id, request_id)


def _act_on(store: Session, request_id: int) -> ContactRequest:
    found = _load(store, request_id)
    audit_hook.set_subject("request", str(found.id))
    return found


def _page(store: Session, found: ContactRequest, *, shows_text: bool) -> str:
    publication = frame.current_publication(store)
    return frame.page(
        store,
        "request.html",
        "issues",
        publication,
        zone=publication.time_zone,
        asked=found,
        shows_text=shows_text,
        preferred_time=preferred_time_in_words(found.preferred_time, found.time_zone),
        retention=services().settings.request_retention_days,
    )
