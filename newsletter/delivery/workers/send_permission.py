"""Send permission: a database that was restored or copied may not send until a person allows it.

A row holds the identity of the database that was armed. A copy has that row, too, but another identity.
"""

import threading
from datetime import datetime
from typing import ClassVar

import structlog
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base, Sessions
from newsletter.delivery.workers import database_identity

log = structlog.get_logger(__name__)

WHY_NOT = "sending is off, because this database was restored or copied"
WHAT_TO_DO = "`newsletter arm` shows what would go out, and turns sending on"


class SendPermission(Base):
    """Whether this database may send: its one row, which a copy of the database has, too."""

    __tablename__ = "arming"

    ONLY: ClassVar = 1

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[str | None] = mapped_column(String(120))
    """The identity of the database that was armed; None while none is."""
    armed_at: Mapped[datetime | None]
    restored_from: Mapped[datetime | None]
    """When the backup was made that the database was restored from; None if it was not."""


def may_send(session: Session) -> bool:
    """Whether this database was armed, by a person or when it was created, and is not a copy."""
    place = read_permission(session).place
    return place is not None and place == database_identity.identity_of(session.connection())


def read_permission(session: Session) -> SendPermission:
    """The row of the permission."""
    return session.get(SendPermission, SendPermission.ONLY, populate_existing=True) or SendPermission(
        id=SendPermission.ONLY
    )


def lock_permission(session: Session) -> None:
    """Lock the permission until this transaction ends."""
    session.execute(select(SendPermission.id).with_for_update())


def arm(session: Session, now: datetime) -> None:
    """Allow this database to send, under its present identity."""
    known = read_permission(session)
    known.place, known.armed_at = database_identity.identity_of(session.connection()), now
    session.add(known)


def disarm(session: Session, restored_from: datetime) -> None:
    """Forbid this database to send, because it was restored from a backup made at that time."""
    known = read_permission(session)
    known.place, known.armed_at, known.restored_from = None, None, restored_from
    session.add(known)


class SendGate:
    """Asked by every job that sends; logs when sending is found forbidden, and when it is allowed again."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._asking = threading.Lock()
        self._was_open = True

    def is_open(self) -> bool:
        """Whether the database may send."""
        with self._asking, self._sessions.reading() as session:
            is_open = may_send(session)
            if is_open is not self._was_open:
                self._was_open = is_open
                if is_open:
                    log.info("this database was armed; sending begins")
                else:
                    log.warning(f"{WHY_NOT}; {WHAT_TO_DO}")
        return is_open
