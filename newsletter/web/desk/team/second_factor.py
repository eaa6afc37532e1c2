"""One's own second factor: set-up with password and first code, recovery codes, and turning it off."""

import segno
from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.audience.signup_limits import TooManyRequests
from newsletter.db import Session
from newsletter.editors import Editor, accounts, attempt_limits, second_factor
from newsletter.editors.second_factor import Enrollment
from newsletter.errors import Conflict, Refused
from newsletter.web import auth
from newsletter.web.context import now, services, unaudited
from newsletter.web.desk import frame
from newsletter.web.desk.team import forgotten_password
from newsletter.web.desk.team.account import count_attempt, current_editor, must_prove, proves_password, require_person

_ISSUER = "Newsletter Press"
_WRONG_CODE = "This is not the current code. Wait for the next one, and check that your phone's clock is right."
_WRONG_PASSWORD = "This is not your password."  # noqa: S105  (a sentence)
_ENOUGH = "That was too many tries. Wait a quarter of an hour."
_THERE = "Two-factor authentication is already on. Turn it off before you set it up again."
_NONE = "Two-factor authentication is off, so there is nothing to turn off and there are no codes to renew."
_SET_UP = "Two-factor authentication was set up for you, and you were signed out everywhere else."
_RENEWED = "You have new recovery codes. The old ones no longer work."
_IS_OFF = "Two-factor authentication is off. Your password alone now signs you in."
_NEEDED = "Your team requires two-factor authentication, so it cannot be turned off."


def factor() -> str:
    """The state of the second factor; or the QR code to set it up."""
    with services().sessions.reading() as store:
        editor = current_editor(store)
        return _enabled_page(store, editor) if editor.factor else _enrollment_page(store, editor, _offer(editor))


def set_up_factor() -> ResponseReturnValue:
    """Store the offered secret if its first code is correct, and show the recovery codes once."""
    count_attempt()
    with services().sessions.begin() as store:
        editor = current_editor(store)
        if editor.factor:
            raise Conflict(_THERE)
        offer = _offer(editor, request.form.get("offer", ""))
        # A person who finds the desk unlocked must not be able to add their own phone.
        if must_prove(editor) and not proves_password(editor):
            return _enrollment_page(store, editor, offer, {"current": _WRONG_PASSWORD}), 422
        codes = second_factor.enroll(store, services().links.seal, editor, offer.sealed, _code(), now())
        if codes is None:
            return _enrollment_page(store, editor, offer, {"code": _WRONG_CODE}), 422
        attempt_limits.reset_passwords(store, editor.email)
        # Earlier sessions began without a second factor, so all but this one end.
        store.refresh(editor)
        accounts.end_sessions(editor)
        auth.sign_in(store, editor)
        forgotten_password.notify_change(store, editor, _SET_UP)
        return _codes_page(store, codes)


def renew_codes() -> ResponseReturnValue:
    """Replace the recovery codes, after a code of the second factor."""
    _count_try()
    with services().sessions.begin() as store:
        editor = _with_factor(store)
        if not _shows_factor(store, editor):
            return _enabled_page(store, editor, {"code": _WRONG_CODE}), 422
        forgotten_password.notify_change(store, editor, _RENEWED)
        return _codes_page(store, second_factor.renew_recovery_codes(store, editor))


def turn_off_factor() -> ResponseReturnValue:
    """Turn the second factor off, after the password and a code."""
    _count_try()
    with services().sessions.begin() as store:
        editor = _with_factor(store)
        if accounts.requires_second_factor(store):
            raise Refused(_NEEDED)
        faults = _faults_of_both(store, editor)
        if faults:
            return _enabled_page(store, editor, faults), 422
        second_factor.disable(store, editor)
        forgotten_password.notify_change(store, editor, _IS_OFF)
    flash(_IS_OFF)
    return redirect(url_for("desk.account"), 303)


def _faults_of_both(store: Session, editor: Editor) -> dict[str, str]:
    # The password first, because a correct code is used up by checking it.
    if not proves_password(editor):
        return {"current": _WRONG_PASSWORD}
    return {} if _shows_factor(store, editor) else {"off_code": _WRONG_CODE}


def _count_try() -> None:
    with unaudited().sessions.begin() as store:
        if not attempt_limits.allow_code(store, require_person().id, now()):
            raise TooManyRequests(_ENOUGH)


def _shows_factor(store: Session, editor: Editor) -> bool:
    return second_factor.verify_code(store, services().links.seal, editor, _code(), now())


def _with_factor(store: Session) -> Editor:
    editor = current_editor(store)
    if editor.factor is None:
        raise Conflict(_NONE)
    return editor


def _code() -> str:
    return request.form.get("code", "") or request.form.get("off_code", "")


def _offer(editor: Editor, sealed: str = "") -> Enrollment:
    return second_factor.begin_enrollment(services().links.seal, editor, _ISSUER, sealed)


def _enrollment_page(store: Session, editor: Editor, offer: Enrollment, faults: dict[str, str] | None = None) -> str:
    # The desk's policy allows images in data: URLs; dark on white, because cameras need it so.
    picture = segno.make(offer.uri, error="m").svg_data_uri(scale=5, border=3, light="#fff")
    return _page(
        store,
        "factor_offer.html",
        editor=editor,
        must_prove=must_prove(editor),
        offer=offer,
        picture=picture,
        faults=faults or {},
    )


def _enabled_page(store: Session, editor: Editor, faults: dict[str, str] | None = None) -> str:
    left, needed = second_factor.count_recovery_codes(store, editor), accounts.requires_second_factor(store)
    return _page(store, "factor.html", editor=editor, codes_left=left, needed=needed, faults=faults or {})


def _codes_page(store: Session, codes: list[str]) -> str:
    return _page(store, "factor_codes.html", codes=codes)


def _page(store: Session, template: str, **values: object) -> str:
    return frame.page(store, template, "settings", None, **values)
