"""The audit log: who did what, when, and about what. Rows are only ever added; the database refuses the rest.

A `Witness` stands by while somebody acts: the first transaction that changes anything takes its row along, so that
there is no act without its row and no row without its act. Details hold no secret and no reader's address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, String, event, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base, LongId

OPERATOR = "operator at the shell"
NOBODY = "somebody unknown"
_LONGEST = 254


class Entry(Base):
    """One act."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_kind_about", "kind", "about"),)

    id: Mapped[LongId]
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(_LONGEST), index=True)
    """The address as it was then, which outlives the account."""
    role: Mapped[str] = mapped_column(String(24))
    act: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(24))
    """What sort of thing it was about: `issue`, `person`, `reader`; empty for none."""
    about: Mapped[str] = mapped_column(String(_LONGEST))
    """Which one: a slug, an address of the team, a number."""
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    network: Mapped[str] = mapped_column(String(64))


@dataclass(slots=True)
class Witness:
    """Writes one row for one request or command, with the first transaction in which it changes anything."""

    who: str
    act: str
    at: datetime
    role: str = ""
    kind: str = ""
    about: str = ""
    network: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    _told: bool = False

    def __call__(self, session: Session) -> None:
        """Add the row to a transaction that is about to commit, unless an earlier one has taken it."""
        if not self._told:
            record(session, self)
            event.listen(session, "after_commit", self._tell, once=True)

    def _tell(self, _session: Session) -> None:
        self._told = True


def record(session: Session, seen: Witness) -> None:
    """Add a row, in the caller's transaction."""
    session.add(
        Entry(
            at=seen.at,
            who=seen.who[:_LONGEST],
            role=seen.role,
            act=seen.act,
            kind=seen.kind,
            about=seen.about[:_LONGEST],
            details=dict(seen.details),
            network=seen.network,
        )
    )


def found(asked: Mapping[str, str], before: int | None = None) -> Select[Entry]:
    """The rows with these values (`who`, `act`, `kind`, `about`), newest first; only those older than row `before`."""
    rows = select(Entry).filter_by(**asked).order_by(Entry.id.desc())
    return rows.where(Entry.id < before) if before is not None else rows


def people() -> Select[str]:
    """Everybody who ever acted."""
    return select(Entry.who).distinct().order_by(Entry.who)


def acts() -> Select[str]:
    """Everything that was ever done."""
    return select(Entry.act).distinct().order_by(Entry.act)
