"""Acts: what somebody does at the desk is noted in the audit log, in the very transaction that does it.

The guard calls `watch` before each view that is no mere look, so that no view can forget it. A view may `tell` more.
"""

from typing import cast

from flask import g, request

from newsletter import audit
from newsletter.audit import Witness
from newsletter.db import Session
from newsletter.editors import Editor, signed_in
from newsletter.web.auth import Person
from newsletter.web.house import network, now, take_note

# What a route is about, by the hole in its address that names it.
_KINDS = {"slug": "issue", "subscription_id": "reader", "editor_id": "person"}


def watch(person: Person, act: str) -> None:
    """Note this act of this person with the first transaction of the request that changes anything; "" is no act."""
    if request.method == "GET":
        return
    kind, about = _about()
    witness = g.witness = Witness(person.email, act, now(), person.role, kind, about, network())

    def take(store: Session) -> None:
        signed_in.touch(store, person.session_id, witness.at)
        if act:
            witness(store)

    take_note(take)


def tell(about: str | None = None, **details: str | int | bool | None) -> None:
    """Say more about the act under way: which one it is about, and what; no secret, and no reader's address."""
    witness = cast("Witness", g.witness)
    witness.about = witness.about if about is None else about
    witness.details |= details


def note(store: Session, editor: Editor | None, act: str, **details: str | int | bool | None) -> None:
    """Note an act at the door, where nobody is signed in yet: of this editor, or of somebody unknown."""
    who, role = (editor.email, editor.role.value) if editor else (audit.NOBODY, "")
    audit.record(store, Witness(who, act, now(), role, network=network(), details=details))


def _about() -> tuple[str, str]:
    asked = request.view_args or {}
    return next(((kind, str(asked[hole])) for hole, kind in _KINDS.items() if hole in asked), ("", ""))
