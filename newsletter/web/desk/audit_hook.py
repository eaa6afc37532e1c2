"""Acts: what somebody does at the desk is noted in the audit log, in the very transaction that does it.

The guard calls `watch` before each view that is no mere look, so that no view can forget it. A view may `tell` more.
"""

from typing import cast

from flask import g, request

from newsletter import audit
from newsletter.audit import AuditWriter
from newsletter.db import Session
from newsletter.editorial.models import Issue
from newsletter.editors import Editor, desk_sessions
from newsletter.publications import Publication
from newsletter.web.auth import Person
from newsletter.web.context import audit_with, network, now


def start_entry(person: Person, act: str) -> None:
    """Note this act of this person with the first transaction of the request that changes anything; "" is no act."""
    if request.method == "GET":
        return
    witness = g.witness = AuditWriter(person.email, act, now(), person.role, network=network())

    def take(store: Session) -> None:
        desk_sessions.touch(store, person.session_id, witness.at)
        if act:
            witness(store)

    audit_with(take)


def set_subject(kind: str, which: str) -> None:
    """Say what the act under way is about; a mere look is about nothing."""
    if seen := _seen():
        seen.kind, seen.about = kind, which


def set_issue(found: Issue) -> None:
    """The same of an issue: its number, and the slug that it has now."""
    set_subject(audit.ISSUE, audit.issue_subject(found.id))
    add_details(slug=found.slug)


def set_publication(found: Publication) -> None:
    """The same of a publication."""
    set_subject("publication", found.slug)


def add_details(**details: str | int | bool | None) -> None:
    """Say what was done in the act under way; no secret, and no reader's address."""
    if seen := _seen():
        seen.details |= details


def record_sign_in(store: Session, editor: Editor | None, act: str, **details: str | int | bool | None) -> None:
    """Note an act at the door, where nobody is signed in yet: of this editor, or of somebody unknown."""
    who, role = (editor.email, editor.role.value) if editor else (audit.NOBODY, "")
    audit.record(store, AuditWriter(who, act, now(), role, network=network(), details=details))


def _seen() -> AuditWriter | None:
    return cast("AuditWriter | None", g.get("witness"))
