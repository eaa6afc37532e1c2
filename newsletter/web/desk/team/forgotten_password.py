"""Password reset by a mailed link that works once, within an hour. It never replaces the second factor."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter import publications
from newsletter.characters import storable
from newsletter.db import Session
from newsletter.editors import Editor, accounts, attempt_limits, emails, passwords
from newsletter.editors.emails import EmailContext
from newsletter.errors import NotFound
from newsletter.publications import Publication
from newsletter.web.context import log_capped, now, one_client, services
from newsletter.web.desk import audit_hook
from newsletter.web.desk.team import new_password

_USED = "This link has already been used, or a newer one has replaced it. Ask for a new one."

_CHANGED = "Your password was changed by a link in an email. You are signed out everywhere; sign in with the new one."


def forgotten_form() -> str:
    """Ask for the address."""
    return render_template("desk/forgotten.html")


def ask_reset() -> str:
    """Mail a link if the address belongs to the team; answer and timing are the same for every address."""
    email = storable(request.form.get("email", "")).strip()
    with services().sessions.begin() as store:
        may_have_one = attempt_limits.allow_email(store, email, one_client(), now())
        editor, publication = accounts.find_optional(store, email), publications.first(store)
        if may_have_one and publication:
            audit_hook.record_sign_in(store, editor, "asked for a new password")
            emails.reset(store, email_context(publication), email, editor, now())
    if not may_have_one:
        log_capped("a new password")
    return render_template("desk/forgotten_sent.html", email=email)


def reset_form(token: str) -> str:
    """Ask for the new password; opening the link changes nothing."""
    with services().sessions.reading() as store:
        return _page(_holder(store, token))


def reset_password(token: str) -> ResponseReturnValue:
    """Save the new password and end all sessions. Signing in then takes it and, as ever, the second factor."""
    with services().sessions.begin() as store:
        editor = _holder(store, token)
        faults = new_password.password_faults(editor)
        if faults:
            return _page(editor, faults), 422
        accounts.use_link(store, editor.id, editor.nonce)
        passwords.set_password(editor, request.form["new"])
        audit_hook.record_sign_in(store, editor, "set a new password by mail")
        notify_change(store, editor, _CHANGED)
    flash("Your new password is saved. Sign in with it.")
    return redirect(url_for("desk.sign_in_form"), 303)


def notify_change(store: Session, editor: Editor, changed: str) -> None:
    """Mail a person what was changed about how they sign in; not before there is a publication to send it."""
    if publication := publications.first(store):
        emails.notify_change(store, email_context(publication), editor, changed, now())


def email_context(publication: Publication) -> EmailContext:
    """What mails to the team need, for this publication."""
    return EmailContext(publication, services().audience.compose, services().links)


def _holder(store: Session, token: str) -> Editor:
    editor = accounts.editor_of_link(store, *services().links.open_reset(token, now()))
    if editor is None:
        raise NotFound(_USED)
    return editor


def _page(editor: Editor, faults: dict[str, str] | None = None) -> str:
    return render_template("desk/reset.html", email=editor.email, faults=faults or {}, **new_password.lengths())
