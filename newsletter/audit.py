"""The audit log: who did what, when, and about what. Rows are only ever added; the database refuses changes.

A `Witness` is called with the first transaction of a request that changes something, and adds the row to it, so
there is no change without its row and no row without its change. Details hold no secret and no reader's address.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, String, event, func, or_, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from newsletter.db import Base, LongId
from newsletter.pagination import Order, Page, PageRequest

OPERATOR = "operator at the shell"
NOBODY = "somebody unknown"
READER = "a reader, by the link in their mail"
ISSUE = "issue"
_LONGEST = 254
_MARK = "#"
_NAMED = "audit: what it is about"


class AuditEntry(Base):
    """An act of a person."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_kind_about", "kind", "about"),)

    id: Mapped[LongId]
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(_LONGEST), index=True)
    """The person's address at that time; it remains when the account is removed."""
    role: Mapped[str] = mapped_column(String(24))
    act: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(24))
    """The kind of subject: `issue`, `person`, `reader`; empty for none."""
    about: Mapped[str] = mapped_column(String(_LONGEST))
    """The subject: for an issue `issue_subject` of its id (in old rows its slug); for a person their address."""
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    network: Mapped[str] = mapped_column(String(64))


_NEWEST_FIRST: Order[AuditEntry] = Order((AuditEntry.id,), lambda row: row.id)


@dataclass(slots=True)
class AuditWriter:
    """Writes a row for a request or command, with its first transaction that changes something."""

    who: str
    act: str
    at: datetime
    role: str = ""
    kind: str = ""
    about: str = ""
    network: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    _written: bool = False

    def __call__(self, session: Session) -> None:
        """Add the row to a transaction that is about to commit, unless an earlier one has written it."""
        if not self._written:
            self.kind, self.about = session.info.pop(_NAMED, (self.kind, self.about))
            record(session, self)
            event.listen(session, "after_commit", self._mark_written, once=True)

    def renew(self) -> None:
        """Write another row with the next transaction that changes something: a request may do several acts."""
        self._written, self.details = False, {}

    def _mark_written(self, _session: Session) -> None:
        self._written = True


def set_subject(session: Session, kind: str, about: str) -> None:
    """Set the subject of the act under way, for its witness."""
    session.info[_NAMED] = kind, about


def record(session: Session, seen: AuditWriter) -> None:
    """Add a row, in the caller's transaction."""
    session.add(
        AuditEntry(
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


def issue_subject(issue_id: int) -> str:
    """The subject of an issue: its id, since slugs change, marked so that no slug looks like it."""
    return f"{_MARK}{issue_id}"


def subject_issue_ids(abouts: Iterable[str]) -> set[int]:
    """The issue ids among these subjects."""
    return {int(about.removeprefix(_MARK)) for about in abouts if about.startswith(_MARK)}


def matching(asked: Mapping[str, str], before: int | None = None) -> Select[AuditEntry]:
    """The rows with these values (`who`, `act`, `kind`, `about`), newest first; only those older than row `before`."""
    rows = select(AuditEntry).filter_by(**asked).order_by(AuditEntry.id.desc())
    return rows.where(AuditEntry.id < before) if before is not None else rows


def entries_of_issue(issue_id: int, slug: str, since: datetime) -> Select[AuditEntry]:
    """The rows about one issue, with that slug and created then: a deleted one may have had the same id or slug."""
    earlier = aliased(AuditEntry)
    by_number = earlier.kind == ISSUE, earlier.about == issue_subject(issue_id), earlier.at >= since
    # An old row has the issue's slug of that time, which the first row with its id contains.
    old_slug = select(earlier.details["slug"].as_string()).where(*by_number).order_by(earlier.id).limit(1)
    names = or_(
        AuditEntry.about == issue_subject(issue_id), AuditEntry.about == func.coalesce(old_slug.scalar_subquery(), slug)
    )
    return select(AuditEntry).where(AuditEntry.kind == ISSUE, names, AuditEntry.at >= since)


def page(session: Session, rows: Select[AuditEntry], turn: PageRequest, size: int) -> Page[AuditEntry]:
    """A page of these rows, newest first."""
    return _NEWEST_FIRST.page(lambda some: session.scalars(some).all(), rows, turn, size)


def actors() -> Select[str]:
    """Everybody who has acted."""
    return select(AuditEntry.who).distinct().order_by(AuditEntry.who)


def actions() -> Select[str]:
    """Every act that was recorded."""
    return select(AuditEntry.act).distinct().order_by(AuditEntry.act)
