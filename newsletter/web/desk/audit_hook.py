"""The desk's side of the audit log: an act is recorded in the transaction that carries it out.

The guard calls `start_entry` before each view that changes something, so no view can forget it. A view may add details.
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
    """Record this person's act with the request's first transaction that changes something; an empty act never."""
    if request.method == "GET":
        return
    witness = g.witness = AuditWriter(person.email, act, now(), person.role, network=network())

    def take(store: Session) -> None:
        desk_sessions.touch(store, person.session_id, witness.at)
        if act:
            witness(store)

    audit_with(take)


def renew_entry() -> None:
    """Record what comes next in a row of its own, as another act of the same kind."""
    if seen := _seen():
        seen.renew()


def set_subject(kind: str, which: str) -> None:
    """Set what the act is about; no effect in a request that only reads."""
    if seen := _seen():
        seen.kind, seen.about = kind, which


def set_issue(found: Issue) -> None:
    """Set the issue that the act is about, by its id and its present slug."""
    set_subject(audit.ISSUE, audit.issue_subject(found.id))
    add_details(slug=found.slug)


def set_publication(found: Publication) -> None:
    """Set the publication that the act is about."""
    set_subject("publication", found.slug)


def add_details(**details: str | int | bool | None) -> None:
    """Add details of the act; never a secret or a reader's address."""
    if seen := _seen():
        seen.details |= details


def record_sign_in(store: Session, editor: Editor | None, act: str, **details: str | int | bool | None) -> None:
    """Record an attempt to sign in, by this editor or by somebody unknown."""
    who, role = (editor.email, editor.role.value) if editor else (audit.NOBODY, "")
    audit.record(store, AuditWriter(who, act, now(), role, network=network(), details=details))


def _seen() -> AuditWriter | None:
    return cast("AuditWriter | None", g.get("witness"))
