"""New copies: the one INSERT … SELECT that writes a letter's copies from its readers."""

from datetime import datetime

from sqlalchemy import ColumnElement, Insert, Select, Table, func, insert, literal

from newsletter.delivery.models import CopyState

Readers = Select[int, str, str, datetime | None, str | None]
"""Rows of (subscription_id, address, name, since, source), as from `subscribers.active_recipients`."""


def adding(
    copies: Table, letter_id: int, readers: Readers, now: datetime, wished_at: ColumnElement[datetime] | None = None
) -> Insert:
    """The statement that adds a copy for each of these readers, who have none yet, to the letter's table `copies`.

    It waits until `wished_at`, where that is given and not NULL; else it is due at once.
    """
    at_once = literal(now, copies.c.not_before.type)
    rows = readers.add_columns(literal(letter_id), literal(CopyState.PENDING, copies.c.state.type), literal(0))
    columns = ["subscription_id", "address", "name", "since", "source", "letter_id", "state", "attempts", "not_before"]
    if wished_at is None:
        return insert(copies).from_select(columns, rows.add_columns(at_once), include_defaults=False)
    rows = rows.add_columns(func.coalesce(wished_at, at_once), wished_at)
    return insert(copies).from_select([*columns, "wished_at"], rows, include_defaults=False)
