"""The team's people: who may sign in at the desk, with which role. An owner who can sign in always stays."""

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
    """A new person; Conflict if the address is taken. `email` is already checked and normalised."""
    editor = Editor(email=email, key=mailboxes.mailbox_key(email), role=role, created_at=now, nonce=_fresh_nonce())
    try:
        with session.begin_nested():
            session.add(editor)
    except IntegrityError:
        raise Conflict(f"{email} may already sign in") from None
    return editor


def team() -> Select[Editor]:
    """Everybody who may sign in, in the order of their addresses."""
    return select(Editor).order_by(Editor.key)


def first_owner(session: Session) -> Editor | None:
    """The owner who was there first; None before the first start."""
    return session.scalar(select(Editor).where(Editor.role == Role.OWNER).order_by(Editor.id).limit(1))


def find(session: Session, email: str) -> Editor:
    """The person of that address; NotFound if nobody of the team has it."""
    editor = _by_address(session, email)
    if editor is None:
        raise NotFound(f"{email} is not on the team; `newsletter editors add` lets somebody in")
    return editor


def find_optional(session: Session, email: str) -> Editor | None:
    """The person of that address; None if nobody of the team has it."""
    return _by_address(session, email)


def get(session: Session, editor_id: int) -> Editor:
    """The person of that number; NotFound once they were removed."""
    editor = session.get(Editor, editor_id)
    if editor is None:
        raise NotFound("This person is no longer on the team.")
    return editor


def editor_of_link(session: Session, editor_id: int, nonce: int) -> Editor | None:
    """The editor whose one-time link this is, while it is good."""
    return session.scalar(select(Editor).where(Editor.id == editor_id, Editor.nonce == nonce))


def use_link(session: Session, editor_id: int, nonce: int) -> Editor:
    """The editor of a one-time link; it works once, because it changes the nonce it was made with."""
    spend = update(Editor).where(Editor.id == editor_id, Editor.nonce == nonce).values(nonce=_fresh_nonce())
    if session.scalar(spend.returning(Editor.id)) is None:
        raise NotFound("this link has already been used, or a newer one has replaced it; ask for a new one")
    return session.get_one(Editor, editor_id, populate_existing=True)


def end_sessions(editor: Editor) -> None:
    """End every session and one-time link of this person that is out."""
    editor.nonce = _fresh_nonce()


def change_role(session: Session, editor: Editor, role: Role) -> None:
    """Give a person another role; Conflict if no owner would be left who can sign in."""
    if role is not Role.OWNER:
        _keep_an_owner(session, editor)
    editor.role = role


def remove(session: Session, editor: Editor) -> None:
    """Take a person out of the team, and end their sessions; Conflict if no owner would be left who can sign in."""
    _keep_an_owner(session, editor)
    session.execute(delete(Editor).where(Editor.id == editor.id))


def requires_second_factor(session: Session) -> bool:
    """Whether everybody of the team has to have a second factor."""
    rules = session.get(TeamRules, 1)
    return rules is not None and rules.needs_factor


def set_second_factor_required(session: Session, needed: bool) -> None:
    """Decide that for everybody, from their next page on."""
    rule = insert(session, TeamRules).values(id=1, needs_factor=needed)
    session.execute(rule.on_conflict_do_update(index_elements=["id"], set_={"needs_factor": needed}))


def _keep_an_owner(session: Session, editor: Editor) -> None:
    # All owners are locked, in one order: of two who demote each other at once, the second finds the first done.
    owners = select(Editor).where(Editor.role == Role.OWNER).order_by(Editor.id).with_for_update()
    found = session.scalars(owners, execution_options={"populate_existing": True}).all()
    if editor in found and not any(one.password_hash for one in found if one is not editor):
        raise Conflict(f"{editor.email} is the last owner who can sign in. Make somebody else an owner first.")


def _by_address(session: Session, email: str) -> Editor | None:
    return session.scalar(select(Editor).where(Editor.key == mailboxes.mailbox_key(email.strip())))


def _fresh_nonce() -> int:
    return secrets.randbits(31)
