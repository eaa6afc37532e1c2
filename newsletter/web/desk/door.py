"""The door of the desk: a password, or a link that works once."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter import editors
from newsletter.audience import origins
from newsletter.editors import Editor
from newsletter.errors import NotFound
from newsletter.web import auth
from newsletter.web.house import client, house, now

_WRONG = "This address and password do not belong together. Check both, and try again."
_ENOUGH = (
    f"That was too many tries. Wait {int(editors.TRIES_WINDOW.total_seconds() // 60)} minutes, "
    "or ask an owner for a one-time link."
)
_USED = "This sign-in link was used already, or a newer one took its place. Sign in with your password."


def sign_in_form() -> ResponseReturnValue:
    """The form, for whoever is not signed in yet."""
    if auth.person():
        return redirect(auth.way_back(request.args.get("next", "")), 303)
    return _form()


def sign_in() -> ResponseReturnValue:
    """Let in who knows the password; the same answer whether the address or the password was wrong."""
    # PostgreSQL cannot even be asked about a NUL.
    email, password = request.form.get("email", "").replace("\0", ""), request.form.get("password", "")
    if not _may_try(email):
        return _form(email, _ENOUGH), 429
    editor = _checked(email, password)
    if editor is None:
        return _form(email, _WRONG), 422
    auth.sign_in(editor)
    return redirect(auth.way_back(request.form.get("next", "")), 303)


def link_form(token: str) -> str:
    """Say who the link lets in; opening it changes nothing, because mail scanners open links."""
    with house().sessions.reading() as store:
        editor = editors.holding(store, *house().links.open_sign_in(token, now()))
        if editor is None:
            raise NotFound(_USED)
        return render_template("desk/link.html", email=editor.email)


def use_link(token: str) -> ResponseReturnValue:
    """Let in the editor of the link, once."""
    with house().sessions.begin() as store:
        editor = editors.use_link(store, *house().links.open_sign_in(token, now()))
    auth.sign_in(editor, by_link=True)
    if editor.password_hash is None:
        flash("You are in. Choose a password now: the link does not work a second time.")
        return redirect(url_for("desk.account"), 303)
    return redirect(url_for("desk.home"), 303)


def sign_out() -> ResponseReturnValue:
    """End this session."""
    auth.sign_out()
    flash("You are signed out.")
    return redirect(url_for("desk.sign_in_form"), 303)


def _form(email: str = "", fault: str = "") -> str:
    target = request.values.get("next", "")
    return render_template("desk/sign_in.html", email=email, fault=fault, next=target)


def _may_try(email: str) -> bool:
    with house().sessions.begin() as store:
        return editors.may_try(store, email, origins.one_client(client()) or "", now())


def _checked(email: str, password: str) -> Editor | None:
    # In a session of its own that only looks: checking a password takes long, and no writer should wait for it.
    with house().sessions.reading() as store:
        editor = editors.check(store, email, password)
    if editor is not None:
        with house().sessions.begin() as store:
            editors.forget_tries(store, email)
    return editor
