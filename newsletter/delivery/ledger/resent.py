"""Resent: copies that were in doubt and went out again, so that their readers may have them twice (RFC 1047).

Each is noted on the copy, once, in the transaction that lets it wait again: nobody is sent a second one unlisted.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, Select, Table, func, select
from sqlalchemy.orm import Session

from newsletter.db import insert
from newsletter.delivery.ledger.partitions import belongs_to
from newsletter.delivery.models import Copy, CopyNote, Letter, Note

_NOTES = cast("Table", CopyNote.__table__)


def record_resent(connection: Connection, whys: Mapping[int, str], now: datetime) -> None:
    """Note that these copies are sent again, and why; a note that a copy has already stays as it is."""
    if whys:
        noted = [{"copy_id": copy_id, "kind": Note.RESENT, "at": now, "detail": why} for copy_id, why in whys.items()]
        connection.execute(insert(connection, CopyNote).on_conflict_do_nothing(), noted)


def of_letter(session: Session, letter_id: int) -> Select[Copy, CopyNote]:
    """A letter's copies that were sent again, oldest first, each with its note."""
    noted = select(Copy, CopyNote).join(CopyNote, CopyNote.copy_id == Copy.id)
    return noted.where(CopyNote.kind == Note.RESENT, belongs_to(session, letter_id)).order_by(Copy.id)


def count(session: Session, letter_id: int) -> int:
    """How many of a letter's copies were sent again."""
    counted = of_letter(session, letter_id).order_by(None).with_only_columns(func.count())
    return session.scalar(counted) or 0


def of_copies(session: Session, copy_ids: Collection[int]) -> dict[int, CopyNote]:
    """Of these copies, the notes of those that were sent again, by copy id."""
    noted = select(CopyNote).where(CopyNote.copy_id.in_(copy_ids), CopyNote.kind == Note.RESENT)
    return {found.copy_id: found for found in session.scalars(noted)}


def of_readers(subscription_ids: Collection[int]) -> Select[Copy, CopyNote, Letter]:
    """The copies that were sent again to these readers, oldest first, each with its note and letter."""
    noted = select(Copy, CopyNote, Letter).join(CopyNote, CopyNote.copy_id == Copy.id)
    noted = noted.join(Letter, Letter.id == Copy.letter_id).where(CopyNote.kind == Note.RESENT)
    return noted.where(Copy.subscription_id.in_(subscription_ids)).order_by(Copy.id)
