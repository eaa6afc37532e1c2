"""The team: who may sign in at the desk, and with which role. One owner who can sign in always remains."""

import secrets
from datetime import datetime

from sqlalchemy import Select, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter.addresses import mailboxes
from newsletter.db import insert
from newsletter.editors.models import Editor, Role, TeamRules
from newsletter.errors import Conflict, NotFound


def add(session: Session, email: str, role: Role, now: datetime) -> Editor:
    """Add a person; Conflict if the address is taken. `email` is already parsed and normalised."""
    editor = Editor(email=email, key=mailboxes.mailbox_key(email), role=role, created_at=now, nonce=_fresh_nonce())
    try:
        with session.begin_nested():
            session.add(editor)
    except IntegrityError:
        raise Conflict(f"{email} may already sign in") from None
    return editor


def team() -> Select[Editor]:
    """Everybody who may sign in, by address."""
    return select(Editor).order_by(Editor.key)


def first_owner(session: Session) -> Editor | None:
    """The first owner; None before the first start."""
    return session.scalar(select(Editor).where(Editor.role == Role.OWNER).order_by(Editor.id).limit(1))


def find(session: Session, email: str) -> Editor:
    """The person with that address; NotFound if there is none."""
    editor = _by_address(session, email)
    if editor is None:
        raise NotFound(f"{email} is not on the team; `newsletter editors add` lets somebody in")
    return editor


def find_optional(session: Session, email: str) -> Editor | None:
    """The person with that address; None if there is none."""
    return _by_address(session, email)


def get(session: Session, editor_id: int) -> Editor:
    """The person with that id; NotFound once they were removed."""
    editor = session.get(Editor, editor_id)
    if editor is None:
        raise NotFound("This person is no longer on the team.")
    return editor


def editor_of_link(session: Session, editor_id: int, nonce: int) -> Editor | None:
    """The person whose one-time link this is; None if it was used or replaced."""
    return session.scalar(select(Editor).where(Editor.id == editor_id, Editor.nonce == nonce))


def use_link(session: Session, editor_id: int, nonce: int) -> Editor:
    """Use up a one-time link, by changing the nonce that it was made with; the person it belongs to."""
    spend = update(Editor).where(Editor.id == editor_id, Editor.nonce == nonce).values(nonce=_fresh_nonce())
    if session.scalar(spend.returning(Editor.id)) is None:
        raise NotFound("this link has already been used, or a newer one has replaced it; ask for a new one")
    return session.get_one(Editor, editor_id, populate_existing=True)


def end_sessions(editor: Editor) -> None:
    """End all sessions and unused one-time links of this person."""
    editor.nonce = _fresh_nonce()


def change_role(session: Session, editor: Editor, role: Role) -> None:
    """Change a person's role; Conflict if no owner who can sign in would remain."""
    if role is not Role.OWNER:
        _keep_an_owner(session, editor)
    editor.role = role


def remove(session: Session, editor: Editor) -> None:
    """Remove a person and end their sessions; Conflict if no owner who can sign in would remain."""
    _keep_an_owner(session, editor)
    session.execute(delete(Editor).where(Editor.id == editor.id))


def requires_second_factor(session: Session) -> bool:
    """Whether everybody must have a second factor."""
    rules = session.get(TeamRules, 1)
    return rules is not None and rules.needs_factor


def set_second_factor_required(session: Session, needed: bool) -> None:
    """Set whether everybody must have a second factor, from their next request on."""
    rule = insert(session, TeamRules).values(id=1, needs_factor=needed)
    session.execute(rule.on_conflict_do_update(index_elements=["id"], set_={"needs_factor": needed}))


def _keep_an_owner(session: Session, editor: Editor) -> None:
    # Locks all owners in a fixed order: of two who demote each other at once, the second sees the first's change.
    owners = select(Editor).where(Editor.role == Role.OWNER).order_by(Editor.id).with_for_update()
    found = session.scalars(owners, execution_options={"populate_existing": True}).all()
    if editor in found and not any(one.password_hash for one in found if one is not editor):
        raise Conflict(f"{editor.email} is the last owner who can sign in. Make somebody else an owner first.")


def _by_address(session: Session, email: str) -> Editor | None:
    return session.scalar(select(Editor).where(Editor.key == mailboxes.mailbox_key(email.strip())))


def _fresh_nonce() -> int:
    return secrets.randbits(31)
