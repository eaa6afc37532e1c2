"""People: owners invite them, change their roles, reset a lost second factor, and remove them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.audience.address import Address
from newsletter.db import Session
from newsletter.editors import Editor, Role, accounts, add, desk_sessions, emails, second_factor
from newsletter.editors.models import DeskSession
from newsletter.errors import Conflict, Invalid, Refused
from newsletter.web import auth
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, words
from newsletter.web.desk.team.account import current_editor, name_fault, save_name
from newsletter.web.desk.team.forgotten_password import email_context, notify_change

_FIRST_YOURSELF = "Set up two-factor authentication for yourself first; otherwise this would lock you out."
_NO_ROLE = "Choose one of the four roles."
_WAS_RESET = (
    "Your two-factor authentication was reset by an owner, and you are signed out everywhere. "
    "Your password alone signs you in until you set it up again."
)
_IN_ALREADY = "{} has already chosen a password, and needs no invitation."


@dataclass(frozen=True, slots=True)
class _TeamMember:
    """A person of the team, as an owner sees them."""

    editor: Editor
    sessions: Sequence[DeskSession]

    @property
    def seen_at(self) -> datetime | None:
        """When they were last active; None if they are not signed in anywhere."""
        return max((one.seen_at for one in self.sessions), default=None)


def people() -> str:
    """Everybody of the team, and the invitation form."""
    with services().sessions.reading() as store:
        return _page(store)


def invite() -> ResponseReturnValue:
    """Add a person, and mail them a one-time sign-in link."""
    with services().sessions.begin() as store:
        try:
            role = _role()
        except Invalid as error:
            return _page(store, {"role": words.as_sentence(error)}), 422
        try:
            editor = add(store, Address.parse(request.form.get("email", "")).email, role, now())
        except Refused as error:
            return _page(store, {"email": words.as_sentence(error)}), 422
        _send_invitation(store, editor)
        audit_hook.set_subject("person", editor.email)
        audit_hook.add_details(new_role=role)
        flash(f"{editor.email} is invited as {role}. The link in the email works for a day; you can send it again.")
    return redirect(url_for("desk.people"), 303)


def one_person(editor_id: int) -> str:
    """One person, and what an owner can do about them."""
    with services().sessions.reading() as store:
        return _person_page(store, accounts.get(store, editor_id))


def rename_person(editor_id: int) -> ResponseReturnValue:
    """Change the name by which the team knows a person."""
    with services().sessions.begin() as store:
        editor = _acted_on(store, editor_id)
        if fault := name_fault():
            return _person_page(store, editor, fault), 422
        save_name(editor)
        flash(f"{editor.email} is now shown as {editor.name}." if editor.name else f"{editor.email} has no name now.")
    return _back(editor_id)


def change_role(editor_id: int) -> ResponseReturnValue:
    """Change a person's role, from their next request on."""
    with services().sessions.begin() as store:
        editor = _acted_on(store, editor_id)
        before, role = editor.role, _role()
        accounts.change_role(store, editor, role)
        audit_hook.add_details(old_role=before, new_role=role)
        flash(f"{editor.email} is now {role}.")
    return _back(editor_id)


def remove_person(editor_id: int) -> ResponseReturnValue:
    """Remove a person; their sessions and links end at once."""
    with services().sessions.begin() as store:
        editor = _acted_on(store, editor_id)
        accounts.remove(store, editor)
        flash(f"{editor.email} is no longer on the team, and is signed out everywhere.")
    return redirect(url_for("desk.people"), 303)


def invite_again(editor_id: int) -> ResponseReturnValue:
    """Mail a new link to a person who has not signed in yet; the earlier one ends."""
    with services().sessions.begin() as store:
        editor = _acted_on(store, editor_id)
        if editor.password_hash is not None:
            raise Conflict(_IN_ALREADY.format(editor.email))
        accounts.end_sessions(editor)
        _send_invitation(store, editor)
        flash(f"A new link is on its way to {editor.email}. The old one no longer works.")
    return _back(editor_id)


def sign_out_person(editor_id: int) -> ResponseReturnValue:
    """End all sessions and unused links of a person."""
    with services().sessions.begin() as store:
        editor = _acted_on(store, editor_id)
        accounts.end_sessions(editor)
        flash(f"{editor.email} is signed out everywhere.")
    return _back(editor_id)


def reset_factor(editor_id: int) -> ResponseReturnValue:
    """Remove a lost second factor, end all sessions, and tell the person."""
    with services().sessions.begin() as store:
        editor = _acted_on(store, editor_id)
        if editor.factor is None:
            raise Conflict(f"{editor.email} does not use two-factor authentication.")
        second_factor.disable(store, editor)
        accounts.end_sessions(editor)
        notify_change(store, editor, _WAS_RESET)
        flash(f"Two-factor authentication is reset for {editor.email}, and they are signed out everywhere.")
    return _back(editor_id)


def require_factor() -> ResponseReturnValue:
    """Require a second factor of everybody from their next page on, or of nobody."""
    needed = request.form.get("needed") == "yes"
    with services().sessions.begin() as store:
        if needed and current_editor(store).factor is None:
            raise Conflict(_FIRST_YOURSELF)
        accounts.set_second_factor_required(store, needed)
        audit_hook.add_details(needed=needed)
    flash("Two-factor authentication is now required." if needed else "Two-factor authentication is now optional.")
    return redirect(url_for("desk.people"), 303)


def _page(store: Session, faults: Mapping[str, str] | None = None) -> str:
    everybody = store.scalars(accounts.team()).all()
    sessions = store.scalars(desk_sessions.all_sessions(now())).all()
    members = [_TeamMember(one, [each for each in sessions if each.editor_id == one.id]) for one in everybody]
    return frame.page(
        store,
        "people.html",
        "settings",
        members=members,
        needed=accounts.requires_second_factor(store),
        roles=list(Role),
        typed=request.form,
        faults=faults or {},
    )


def _person_page(store: Session, editor: Editor, fault: str = "") -> str:
    return frame.page(
        store,
        "person.html",
        "settings",
        member=_TeamMember(editor, store.scalars(desk_sessions.sessions_of(editor.id, now())).all()),
        roles=list(Role),
        codes_left=second_factor.count_recovery_codes(store, editor),
        name=request.form.get("name", editor.name),
        fault=fault,
    )


def _acted_on(store: Session, editor_id: int) -> Editor:
    editor = accounts.get(store, editor_id)
    # An id alone does not identify somebody, because SQLite reuses deleted ones.
    if request.form.get("person", editor.email) != editor.email:
        raise Conflict("This form is about somebody else. Open their page again; nothing was done.")
    audit_hook.set_subject("person", editor.email)
    return editor


def _role() -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        raise Invalid(_NO_ROLE) from None


def _send_invitation(store: Session, editor: Editor) -> None:
    emails.invite(store, email_context(frame.current_publication(store)), editor, auth.email(), now())


def _back(editor_id: int) -> ResponseReturnValue:
    return redirect(url_for("desk.one_person", editor_id=editor_id), 303)
