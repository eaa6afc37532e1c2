"""Suppression: addresses that get nothing, whatever list they are on, each with every cause that there is for it.

What was suppressed before version 0014 is known by a folded key alone, which several mailboxes share: it holds for
all of them, because nobody can tell any more which one it was. What is added since holds for its own mailbox.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache
from typing import cast

from sqlalchemy import ColumnElement, Dialect, String, delete, or_, select, update
from sqlalchemy.orm import Session

from newsletter.addresses import mailboxes
from newsletter.db import UNSYNCED, insert
from newsletter.delivery.bounces import events
from newsletter.delivery.message.content import PURPOSES, Purpose
from newsletter.delivery.models import Cause, Suppression
from newsletter.prepared import Prepared, encode_rows, insert_rows, listed, moment_cell, moment_read

Causes = Mapping[Cause, datetime]
"""Why an address is suppressed, and since when."""

CONFIRMING_LIFTS = frozenset({Cause.BOUNCE, Cause.IMPORT})
"""The causes that an address's owner lifts by signing up and confirming; only the desk lifts the others."""


def refusal_reason(kind: str, causes: Causes, asked_at: datetime, *, had_one: bool) -> str:
    """Why a single letter must not go to an address that is suppressed; empty if it may.

    `asked_at` is when it was put into the outbox, `had_one` whether another of its kind went there within the day.
    """
    purpose = PURPOSES.get(kind, Purpose.UNASKED)
    if purpose is Purpose.TEAM or not causes:
        return ""
    if barring := [cause for cause, at in causes.items() if not _passes(purpose, cause, at, asked_at)]:
        return f"suppressed: {min(barring, key=_GRAVEST.index)}"
    return "suppressed: one a day" if had_one else ""


_GRAVEST = (Cause.COMPLAINT, Cause.DESK, Cause.BOUNCE, Cause.IMPORT)


def _passes(purpose: Purpose, cause: Cause, at: datetime, asked_at: datetime) -> bool:
    # Only a sign-up after the bounce overrules it: a letter that has waited since before was requested earlier.
    return purpose is Purpose.ANSWER or (purpose is Purpose.CONFIRM and cause in CONFIRMING_LIFTS and at <= asked_at)


def list_causes(session: Session, key: str) -> list[Suppression]:
    """The causes for which this address is suppressed, the earliest first; empty if it may get mail."""
    found = select(Suppression).where(_matches(key)).order_by(Suppression.at, Suppression.cause)
    return list(session.scalars(found))


def suppressed_keys(session: Session, keys: Collection[str]) -> set[str]:
    """Those of these keys that are suppressed."""
    return set(causes_by_key(session, keys))


def causes_by_key(session: Session, keys: Collection[str]) -> Mapping[str, Causes]:
    """The suppressed ones among these keys, each with its causes and their dates."""
    asked = dict.fromkeys(keys)
    folded_for: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        # Nearly every key is the same in both spellings.
        if (legacy := mailboxes.legacy_mailbox_key(key)) != key:
            folded_for[legacy].append(key)
    found: dict[str, dict[Cause, datetime]] = defaultdict(dict)
    connection = session.connection()
    read = moment_read(connection.dialect)
    parameters = {"rows": encode_rows([*asked, *folded_for])}
    for stored, folded, word, moment in _among(connection.dialect).run(connection, parameters):
        cause, at = Cause(word), cast("datetime", read(moment))
        themselves = [stored] if stored in asked else []
        for key in themselves + (folded_for[stored] if folded else []):
            found[key][cause] = max(at, found[key].get(cause, at))
    return found


def add(session: Session, key: str, cause: Cause, now: datetime, detail: str | None = None) -> bool:
    """Suppress an address for this cause, beside any other; whether it is new, for the first of a kind stays."""
    row = insert(session, Suppression).values(key=key, cause=cause, at=now, detail=detail, folded=False)
    return session.scalar(row.on_conflict_do_nothing().returning(Suppression.key)) is not None


def add_many(session: Session, found: Collection[tuple[str, Cause, str]], now: datetime) -> None:
    """Suppress each address, given as (key, cause, detail); the first of a kind stays."""
    at = moment_cell(session.connection().dialect, now)
    columns = ("key", "cause", "detail", "at", "folded")
    insert_rows(session.connection(), Suppression, columns, [(*each, at, False) for each in found])


def lift(session: Session, key: str, causes: Collection[Cause] = tuple(Cause)) -> bool:
    """Take these causes away from an address, at a person's word; whether there was one.

    With a bounce, earlier events are forgiven as well: only later ones count.
    """
    is_lifted = withdraw(session, key, causes)
    if is_lifted and Cause.BOUNCE in causes:
        events.forgive(session, key)
    return is_lifted


def withdraw(session: Session, key: str, causes: Collection[Cause]) -> bool:
    """Remove causes that turned out to be mistaken; whether there was one. Earlier events still count."""
    these = Suppression.cause.in_(causes)
    # A suppression that matches by its folded key stays for the mailbox that it names.
    still_suppressed = update(Suppression).where(_matches(key), these, Suppression.key != key).values(folded=False)
    unfolded = session.scalars(still_suppressed.returning(Suppression.key), execution_options=UNSYNCED).all()
    deletion = delete(Suppression).where(Suppression.key == key, these)
    deleted = session.scalars(deletion.returning(Suppression.key), execution_options=UNSYNCED).all()
    return bool(unfolded or deleted)


def _matches(key: str) -> ColumnElement[bool]:
    folded = Suppression.folded & (Suppression.key == mailboxes.legacy_mailbox_key(key))
    return or_(Suppression.key == key, folded)


@lru_cache(maxsize=8)
def _among(dialect: Dialect) -> Prepared:
    asked = listed(dialect, key=String())
    columns = select(Suppression.key, Suppression.folded, Suppression.cause, Suppression.at)
    # An outer join, so that no plan scans all suppressions to find a few.
    found = columns.join_from(asked, Suppression, Suppression.key == asked.c.key, isouter=True)
    return Prepared(found.where(Suppression.key.is_not(None)), dialect)
