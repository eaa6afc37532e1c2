"""One's own account: the password, and an end to every session."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Unauthorized

from newsletter import editors
from newsletter.db import Session
from newsletter.editors import Editor
from newsletter.errors import Invalid
from newsletter.web import auth
from newsletter.web.desk import frame
from newsletter.web.house import house

_DIFFERENT = "The two are not the same. Type the new password once more in both."
_WRONG = "This is not your password now. If it is lost, ask an owner for a one-time link."


def account() -> str:
    """The account of whoever asks."""
    with house().sessions.reading() as store:
        return _page(store)


def change_password() -> ResponseReturnValue:
    """Keep a new password; every other session and link of this editor ends, and this one goes on."""
    with house().sessions.begin() as store:
        editor = _myself(store)
        faults = _try_new_password(store, editor)
        if faults:
            return _page(store, faults), 422
        auth.sign_in(editor)
    flash("Your new password is kept. Wherever else you were signed in, you are not any more.")
    return redirect(url_for("desk.account"), 303)


def end_sessions() -> ResponseReturnValue:
    """Sign this editor out everywhere but here."""
    with house().sessions.begin() as store:
        editor = _myself(store)
        editors.end_sessions(editor)
        auth.sign_in(editor)
    flash("You are signed out everywhere but here.")
    return redirect(url_for("desk.account"), 303)


def _try_new_password(store: Session, editor: Editor) -> dict[str, str]:
    """Keep the new password; or else say, for each field that is wrong, how to mend it."""
    form = request.form
    if _must_prove(editor) and editors.check(store, editor.email, form.get("current", "")) is None:
        return {"current": _WRONG}
    if form.get("new", "") != form.get("again", ""):
        return {"again": _DIFFERENT}
    try:
        editors.set_password(editor, form.get("new", ""))
    except Invalid as error:
        return {"new": str(error)}
    return {}


def _page(store: Session, faults: dict[str, str] | None = None) -> str:
    editor = _myself(store)
    return frame.page(
        store,
        "account.html",
        "settings",
        editor=editor,
        faults=faults or {},
        must_prove=_must_prove(editor),
        shortest=editors.MIN_PASSWORD,
        longest=editors.MAX_PASSWORD,
    )


def _must_prove(editor: Editor) -> bool:
    return editor.password_hash is not None and not auth.came_by_link()


def _myself(store: Session) -> Editor:
    person = auth.person()
    editor = editors.holding(store, person.id, person.nonce) if person else None
    if editor is None:  # signed out everywhere while this request was on its way
        raise Unauthorized
    return editor
