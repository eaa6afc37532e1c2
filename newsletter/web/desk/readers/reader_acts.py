"""What editors do for one reader: add one, and change, unsubscribe or erase one who asks for it."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.audience import desk_requests, privacy, subscribers
from newsletter.db import Session
from newsletter.errors import Conflict, Invalid
from newsletter.web import auth
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, lookup, words
from newsletter.web.desk.readers import pages


def add_reader_form() -> str:
    """Ask for an address, and for where the consent comes from."""
    with services().sessions.reading() as store:
        return _form(store)


def add_reader() -> ResponseReturnValue:
    """Send a confirmation email to an address for an editor."""
    email, name, source = (request.form.get(field, "") for field in ("email", "name", "source"))
    if faults := desk_requests.faults(email, name, source):
        with services().sessions.reading() as store:
            return _form(store, {field: words.as_sentence(fault) for field, fault in faults.items()}), 422
    try:
        with services().sessions.begin() as store:
            publication = frame.current_publication(store)
            added = desk_requests.ask_to_confirm(
                store, services().audience, publication, (email, name), source, auth.email(), now()
            )
            audit_hook.set_subject("reader", str(subscribers.get(store, added).subscriber_id))
    except Conflict as error:
        with services().sessions.reading() as store:
            return _form(store, {"email": words.as_sentence(error)}), 409
    flash("A confirmation email is on its way. They get issues once they have confirmed.")
    return redirect(url_for("desk.reader", subscription_id=added), 303)


def rename_reader(subscription_id: int) -> ResponseReturnValue:
    """Change a reader's name."""
    typed, seen = request.form.get("name", ""), request.form.get("seen", "")
    try:
        with services().sessions.begin() as store:
            found = lookup.reader(store, subscription_id)
            desk_requests.change_name(store, found, typed, seen, auth.email(), now())
    except (Conflict, Invalid) as error:
        return _refused(subscription_id, "name", error)
    return _back(subscription_id, "The name is saved.")


def note_reader(subscription_id: int) -> ResponseReturnValue:
    """Change the team's note on a reader."""
    typed, seen = request.form.get("note", ""), request.form.get("seen", "")
    try:
        with services().sessions.begin() as store:
            desk_requests.change_note(store, lookup.reader(store, subscription_id), typed, seen)
    except (Conflict, Invalid) as error:
        return _refused(subscription_id, "note", error)
    return _back(subscription_id, "The note is saved.")


def resend_confirm(subscription_id: int) -> ResponseReturnValue:
    """Send the confirmation email to a reader once more."""
    with services().sessions.begin() as store:
        found = lookup.reader(store, subscription_id)
        desk_requests.resend_confirm(store, services().audience, found, auth.email(), now())
    return _back(subscription_id, "Another confirmation email is on its way.")


def unsubscribe_reader(subscription_id: int) -> ResponseReturnValue:
    """Unsubscribe a reader who asked for it."""
    with services().sessions.begin() as store:
        found = lookup.reader(store, subscription_id)
        reason = request.form.get("reason", "")
        desk_requests.unsubscribe_on_request(store, services().audience, found, reason, auth.email(), now())
    return _back(subscription_id, "Unsubscribed. They get no more issues.")


def erase_reader(subscription_id: int) -> ResponseReturnValue:
    """Erase a reader for good, once that is confirmed."""
    if request.form.get("sure") != "yes":
        return pages.reader_page(subscription_id, {"sure": "Tick this first: it cannot be undone."}), 422
    with services().sessions.begin() as store:
        privacy.erase_reader(store, services().audience, lookup.reader(store, subscription_id).subscriber, now())
    services().sessions.checkpoint()
    flash("The reader is erased.")
    return redirect(url_for("desk.readers"), 303)


def _form(store: Session, faults: dict[str, str] | None = None) -> str:
    return frame.page(store, "add_reader.html", "readers", typed=request.form, faults=faults or {})


def _refused(subscription_id: int, field: str, error: Conflict | Invalid) -> ResponseReturnValue:
    status = 409 if isinstance(error, Conflict) else 422
    return pages.reader_page(subscription_id, {field: words.as_sentence(error)}), status


def _back(subscription_id: int, sentence: str) -> ResponseReturnValue:
    flash(sentence)
    return redirect(url_for("desk.reader", subscription_id=subscription_id), 303)
