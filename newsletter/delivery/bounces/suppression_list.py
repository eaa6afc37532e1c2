"""The list of suppressed addresses for people: searched, filtered and paged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from newsletter.addresses import mailboxes
from newsletter.characters import storable
from newsletter.delivery.models import Cause, Suppression

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class SuppressionFilter:
    """Which suppressions to list: those of one cause, and with this text in the address."""

    search: str = ""
    cause: Cause | None = None

    @property
    def rows(self) -> Select[Suppression]:
        """The newest first."""
        found = select(Suppression).order_by(Suppression.at.desc(), Suppression.key.desc(), Suppression.cause.desc())
        if self.cause:
            found = found.where(Suppression.cause == self.cause)
        if wanted := storable(self.search).strip().lower():
            found = found.where(or_(*(Suppression.key.contains(each, autoescape=True) for each in _spellings(wanted))))
        return found


def _spellings(wanted: str) -> set[str]:
    # A host is stored as the DNS knows it, and typed as it is read.
    return {wanted, mailboxes.mailbox_key(wanted) if "@" in wanted else mailboxes.host_of(wanted)}


def list_page(
    session: Session, wanted: SuppressionFilter, number: int, size: int
) -> tuple[Sequence[Suppression], bool]:
    """The page of that number, from 1 on, and whether there is another."""
    # Paged by number, because no key tells where a page begins: an import suppresses thousands at one moment.
    found = session.scalars(wanted.rows.offset((number - 1) * size).limit(size + 1)).all()
    return found[:size], len(found) > size


def iter_suppressions(session: Session, wanted: SuppressionFilter) -> Iterator[Suppression]:
    """All of them, in flat memory."""
    yield from session.scalars(wanted.rows.execution_options(yield_per=_BATCH))


def counts_by_cause(session: Session) -> dict[Cause, int]:
    """How many addresses are suppressed for each cause; every cause is there."""
    counted = select(Suppression.cause, func.count()).group_by(Suppression.cause)
    return dict.fromkeys(Cause, 0) | dict(session.execute(counted).all())
