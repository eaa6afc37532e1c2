"""Signing in: by password or one-time link, and then by the second factor if there is one."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.characters import storable
from newsletter.db import Session
from newsletter.editors import Editor, accounts, attempt_limits, desk_sessions, passwords, second_factor
from newsletter.errors import NotFound
from newsletter.web import auth
from newsletter.web.auth import PendingSignIn
from newsletter.web.context import log_capped, now, one_client, services
from newsletter.web.desk import audit_hook

_WRONG = "This address and password do not match. Check both, and try again."
_MINUTES = int(attempt_limits.WINDOW.total_seconds() // 60)
_ENOUGH = f"That was too many tries. Wait {_MINUTES} minutes, or ask for a reset link."
_USED = "This sign-in link has already been used, or a newer one has replaced it. Sign in with your password."
_WRONG_CODE = "This is not the current code. Wait for the next one, and check that your phone's clock is right."
_WRONG_RECOVERY = "This is not one of your recovery codes, or it has already been used. Each works once."
_ENOUGH_CODES = f"That was too many tries. Wait {_MINUTES} minutes, or ask an owner to reset two-factor authentication."
_TOO_LATE = "That took longer than ten minutes. Sign in again."


def sign_in_form() -> ResponseReturnValue:
    """The sign-in form, for people who are not signed in."""
    if auth.person():
        return redirect(auth.safe_target(request.args.get("next", "")), 303)
    return _form()


def sign_in() -> ResponseReturnValue:
    """Sign in with a password; the answer does not reveal whether the address or the password was wrong."""
    email, password = storable(request.form.get("email", "")), request.form.get("password", "")
    if not _may_try(email):
        return _form(email, _ENOUGH), 429
    # In a reading session: checking a password takes long, and must not block writers.
    with services().sessions.reading() as store:
        checked = passwords.check(store, email, password)
    with services().sessions.begin() as store:
        editor = accounts.editor_of_link(store, checked.id, checked.nonce) if checked else None
        if editor is None:
            audit_hook.record_sign_in(store, accounts.find_optional(store, email), "gave a wrong password")
            return _form(email, _WRONG), 422
        attempt_limits.reset_passwords(store, email)
        return _after_first_step(store, editor, auth.safe_target(request.form.get("next", "")))


def link_form(token: str) -> str:
    """Say whom the link signs in; opening it changes nothing, because mail scanners open links."""
    with services().sessions.reading() as store:
        editor = accounts.editor_of_link(store, *services().links.open_sign_in(token, now()))
        if editor is None:
            raise NotFound(_USED)
        return render_template("desk/link.html", email=editor.email)


def use_link(token: str) -> ResponseReturnValue:
    """Sign in the link's editor, once."""
    with services().sessions.begin() as store:
        editor = accounts.use_link(store, *services().links.open_sign_in(token, now()))
        if editor.password_hash is None:
            flash("You are signed in. Choose a password now: the link does not work a second time.")
        target = url_for("desk.home") if editor.password_hash else url_for("desk.account")
        return _after_first_step(store, editor, target, by_link=True)


def code_form() -> ResponseReturnValue:
    """Ask for the second factor; with `?by=recovery` for a recovery code."""
    if auth.pending_sign_in() is None:
        return redirect(url_for("desk.sign_in_form"), 303)
    return _code_form(request.args.get("by") == "recovery")


def check_code() -> ResponseReturnValue:
    """Complete the sign-in with the second factor."""
    half, by_recovery = auth.pending_sign_in(), request.form.get("by") == "recovery"
    if half is None:
        flash(_TOO_LATE)
        return redirect(url_for("desk.sign_in_form"), 303)
    if not _may_try_code(half):
        return _code_form(by_recovery, _ENOUGH_CODES), 429
    with services().sessions.begin() as store:
        editor = accounts.editor_of_link(store, half.editor_id, half.nonce)
        if editor is None or not _shows_factor(store, editor, by_recovery):
            audit_hook.record_sign_in(store, editor, "gave a wrong code")
            return _code_form(by_recovery, _WRONG_RECOVERY if by_recovery else _WRONG_CODE), 422
        attempt_limits.reset_codes(store, editor.id)
        _start_session(store, editor, "recovery code" if by_recovery else "second factor", by_link=half.by_link)
        return redirect(half.target, 303)


def sign_out() -> ResponseReturnValue:
    """End this session."""
    person = auth.person()
    if person is not None:
        with services().sessions.begin() as store:
            desk_sessions.end_session(store, person.id, person.session_id, now())
            audit_hook.record_sign_in(store, accounts.get(store, person.id), "signed out")
    auth.sign_out()
    flash("You are signed out.")
    return redirect(url_for("desk.sign_in_form"), 303)


def _after_first_step(store: Session, editor: Editor, target: str, *, by_link: bool = False) -> ResponseReturnValue:
    """Sign in; or ask for the second factor first, if this editor has one."""
    if editor.factor is not None:
        auth.begin_two_step(editor, target, by_link=by_link)
        return redirect(url_for("desk.code_form"), 303)
    _start_session(store, editor, "one-time link" if by_link else "password", by_link=by_link)
    return redirect(target, 303)


def _start_session(store: Session, editor: Editor, method: str, *, by_link: bool) -> None:
    auth.sign_in(store, editor, by_link=by_link)
    audit_hook.record_sign_in(store, editor, "signed in", by=method)


def _shows_factor(store: Session, editor: Editor, by_recovery: bool) -> bool:
    code = request.form.get("code", "")
    if by_recovery:
        return second_factor.use_recovery_code(store, editor, code)
    return second_factor.verify_code(store, services().links.seal, editor, code, now())


def _form(email: str = "", fault: str = "") -> str:
    target = request.values.get("next", "")
    return render_template("desk/sign_in.html", email=email, fault=fault, next=target)


def _code_form(by_recovery: bool, fault: str = "") -> str:
    return render_template("desk/code.html", by_recovery=by_recovery, fault=fault)


def _may_try(email: str) -> bool:
    with services().sessions.begin() as store:
        may_try = attempt_limits.allow_password(store, email, one_client(), now())
    if not may_try:
        log_capped("sign-in")
    return may_try


def _may_try_code(half: PendingSignIn) -> bool:
    with services().sessions.begin() as store:
        return attempt_limits.allow_code(store, half.editor_id, now())
