"""One's own account: the password and the sessions."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Unauthorized

from newsletter.audience.signup_limits import TooManyRequests
from newsletter.db import Session
from newsletter.editors import Editor, accounts, attempt_limits, desk_sessions, names, passwords, second_factor
from newsletter.errors import Conflict
from newsletter.web import auth
from newsletter.web.auth import Person
from newsletter.web.context import log_capped, now, one_client, services, unaudited
from newsletter.web.desk import frame, words
from newsletter.web.desk.team import forgotten_password, new_password
from newsletter.web.forms import fault_of

_WRONG = "This is not your current password. If you have lost it, sign out and ask for a reset link."
_CHANGED = "Your password was changed at the desk, and you were signed out everywhere else."
_ENOUGH = "That was too many tries. Wait a quarter of an hour."


def account() -> str:
    """The account page of the person who is signed in."""
    with services().sessions.reading() as store:
        return _page(store)


def change_name() -> ResponseReturnValue:
    """Save the name that the team sees."""
    with services().sessions.begin() as store:
        editor = current_editor(store)
        if fault := name_fault():
            return _page(store, {"name": fault}), 422
        save_name(editor)
        flash(f"The team now sees you as {editor.name}." if editor.name else "The team now sees your address.")
    return redirect(url_for("desk.account"), 303)


def name_fault() -> str:
    """Why the form's name cannot be one; empty if it can."""
    fault = fault_of(names.parse_name, request.form.get("name", ""))
    return words.as_sentence(fault) if fault else ""


def save_name(editor: Editor) -> None:
    """Save the name in the form, if there is one, for this editor."""
    # Not in the audit log, which would keep the name after the account is removed.
    editor.name = names.parse_name(request.form.get("name", editor.name))


def change_password() -> ResponseReturnValue:
    """Save a new password, with the name the first time; all other sessions and links of this editor end.

    Whoever has chosen their first one goes on to the start page.
    """
    count_attempt()
    with services().sessions.begin() as store:
        editor = current_editor(store)
        faults = _faults(editor)
        if faults:
            return _page(store, faults), 422
        attempt_limits.reset_passwords(store, editor.email)
        is_new = editor.password_hash is None
        if is_new:
            save_name(editor)
        passwords.set_password(editor, request.form["new"])
        forgotten_password.notify_change(store, editor, _CHANGED)
        auth.sign_in(store, editor)
    flash("Your new password is saved. You are signed out everywhere else.")
    return redirect(url_for("desk.home" if is_new else "desk.account"), 303)


def end_sessions() -> ResponseReturnValue:
    """End all other sessions of this editor."""
    with services().sessions.begin() as store:
        editor = current_editor(store)
        accounts.end_sessions(editor)
        auth.sign_in(store, editor, by_link=auth.came_by_link())
    flash("You are signed out everywhere but here.")
    return redirect(url_for("desk.account"), 303)


def end_session(session_id: int) -> ResponseReturnValue:
    """End one session of this editor."""
    with services().sessions.begin() as store:
        if not desk_sessions.end_session(store, current_editor(store).id, session_id, now()):
            raise Conflict("That session had already ended.")
    flash("That session has ended.")
    return redirect(url_for("desk.account"), 303)


def current_editor(store: Session) -> Editor:
    """The editor who is signed in; redirects to the sign-in page if they were signed out during this request."""
    desk_session = desk_sessions.active_session(store, require_person().session_id, require_person().nonce, now())
    if desk_session is None:
        raise Unauthorized
    return desk_session.editor


def require_person() -> Person:
    """The person who is signed in, on a page that requires it."""
    person = auth.person()
    if person is None:
        raise Unauthorized
    return person


def count_attempt() -> None:
    """Count a guess at one's own password; TooManyRequests after as many as at the sign-in page."""
    with unaudited().sessions.begin() as store:
        if not attempt_limits.allow_password(store, require_person().email, one_client(), now()):
            log_capped("sign-in")
            raise TooManyRequests(_ENOUGH)


def must_prove(editor: Editor) -> bool:
    """Whether this editor has a password, and did not sign in by a one-time link."""
    return editor.password_hash is not None and not auth.came_by_link()


def proves_password(editor: Editor) -> bool:
    """Whether the form contains this editor's password."""
    return passwords.verify_password(editor, request.form.get("current", ""))


def _faults(editor: Editor) -> dict[str, str]:
    if must_prove(editor) and not proves_password(editor):
        return {"current": _WRONG}
    fault = name_fault() if editor.password_hash is None else ""
    return new_password.password_faults(editor) | ({"name": fault} if fault else {})


def _page(store: Session, faults: dict[str, str] | None = None) -> str:
    editor = current_editor(store)
    return frame.page(
        store,
        "account.html",
        "settings",
        None,
        editor=editor,
        name=request.form.get("name", editor.name),
        faults=faults or {},
        must_prove=must_prove(editor),
        sessions=store.scalars(desk_sessions.sessions_of(editor.id, now())).all(),
        codes_left=second_factor.count_recovery_codes(store, editor),
        **new_password.lengths(),
    )
