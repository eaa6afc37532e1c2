"""Suppression: addresses that get nothing, whatever list they are on."""

import json
from collections.abc import Collection
from datetime import datetime
from functools import cache

from sqlalchemy import Select, String, delete, select
from sqlalchemy.orm import Session

from newsletter.db import insert, rows
from newsletter.delivery.models import Cause, Suppression


def key_of(address: str) -> str:
    """The spelling under which an address is suppressed, whatever case it was written in."""
    return address.casefold()


def find(session: Session, key: str) -> Suppression | None:
    """Why this address gets nothing; None when it may get mail."""
    return session.get(Suppression, key)


def among(session: Session, keys: Collection[str]) -> set[str]:
    """Those of these keys that are suppressed."""
    parameters = {"rows": json.dumps([{"key": key} for key in keys])}
    return set(session.connection().scalars(_among(session.get_bind().dialect.name), parameters))


@cache
def _among(dialect: str) -> Select[str]:
    asked = rows(dialect, key=String())
    return select(Suppression.key).where(Suppression.key.in_(select(asked.c.key)))


def add(session: Session, key: str, cause: Cause, now: datetime, detail: str | None = None) -> bool:
    """Suppress an address, and say whether that is new; the first cause stays."""
    row = insert(session, Suppression).values(key=key, cause=cause, at=now, detail=detail)
    return session.scalar(row.on_conflict_do_nothing().returning(Suppression.key)) is not None


def remove(session: Session, key: str) -> bool:
    """Let an address get mail again; whether it was suppressed."""
    gone = delete(Suppression).where(Suppression.key == key).returning(Suppression.key)
    return session.scalar(gone) is not None
