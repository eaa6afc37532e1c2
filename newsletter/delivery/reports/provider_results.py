"""Results by provider: how many copies of recent issues each provider accepted, and how many readers complained.

The worker counts them from time to time, because a count reads every copy of a letter; pages show the stored results.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import JSON, ForeignKey, delete, func, or_, select, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.addresses import provider_groups
from newsletter.addresses.provider_groups import ProviderGroups
from newsletter.db import UNSYNCED, Base, insert
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.report import Kind
from newsletter.delivery.models import Letter
from newsletter.delivery.reports import progress

SPAN = timedelta(days=7)
OTHERS = ""
"""In place of a provider: all that are too small to be listed."""
_LISTED = 30
_SHOWN = 10
# They have no feedback loop for mail like ours, so complaints are never reported.
_TELL_NOTHING = frozenset({"gmail", "icloud"})
# Gmail's and Yahoo's rules for senders: stay below 0.1 %, and never reach 0.3 %.
_WARN_AT, _BRAKE_AT, _BRAKE_FROM = 0.001, 0.003, 5


class Concern(StrEnum):
    """What a provider's rate of complaints calls for."""

    WARN = "warn"
    BRAKE = "brake"


class ProviderResult(NamedTuple):
    """How many copies a provider took, sent back later, and how many of its readers complained."""

    group: str
    sent: int = 0
    bounced: int = 0
    complained: int = 0

    @property
    def provider(self) -> str:
        """The provider's display name; empty for all the small ones together."""
        return provider_groups.display_name(self.group)

    @property
    def delivered(self) -> int:
        """How many it took and did not send back."""
        return max(0, self.sent - self.bounced)

    @property
    def tells_nothing(self) -> bool:
        """Whether the provider reports no complaints, and none was reported here."""
        return self.group in _TELL_NOTHING and not self.complained

    @property
    def rate(self) -> float | None:
        """Complaints per delivered copy; None if the provider reports none, or nothing was delivered."""
        if self.tells_nothing or not self.delivered:
            return None
        return self.complained / self.delivered

    @property
    def concern(self) -> Concern | None:
        """Whether to warn the editors, or to stop what goes there."""
        if (rate := self.rate) is None or rate < _WARN_AT:
            return None
        return Concern.BRAKE if rate >= _BRAKE_AT and self.complained >= _BRAKE_FROM else Concern.WARN


class StoredResults(Base):
    """One letter's results by provider, as they were counted last."""

    __tablename__ = "provider_results"

    letter_id: Mapped[int] = mapped_column(ForeignKey("letters.id"), primary_key=True)
    settled_at: Mapped[datetime | None]
    """The letter's `finished_at` when its copies were counted; None while it goes out."""
    figures: Mapped[dict[str, list[int]]] = mapped_column(JSON)
    """For each provider group: sent, bounced, complained."""


def recent_letters(session: Session, now: datetime, publication_id: int | None = None) -> list[int]:
    """The letters of the last seven days, and each publication's last one in any case; oldest first."""
    last = select(Letter.publication_id, func.max(Letter.started_at)).group_by(Letter.publication_id)
    is_last = tuple_(Letter.publication_id, Letter.started_at).in_(last)
    recent = select(Letter.id).where(or_(Letter.started_at > now - SPAN, is_last))
    if publication_id is not None:
        recent = recent.where(Letter.publication_id == publication_id)
    return list(session.scalars(recent.order_by(Letter.started_at, Letter.id)))


def count_results(session: Session, letter_id: int, groups: ProviderGroups) -> StoredResults | None:
    """Count one letter's results, but its copies only where they may have changed; None if nothing has changed."""
    letter = session.get_one(Letter, letter_id)
    stored = session.get(StoredResults, letter_id)
    if stored and stored.settled_at and stored.settled_at == letter.finished_at:
        sent = {group: figures[0] for group, figures in stored.figures.items()}
    elif letter.final_counts is not None:  # its copies are deleted
        return None
    else:
        sent = progress.sent_by_group(session, letter_id, groups)
    bounced, complained = _heard(session, letter_id, Kind.BOUNCE), _heard(session, letter_id, Kind.COMPLAINT)
    counted = StoredResults(letter_id=letter_id, settled_at=letter.finished_at)
    counted.figures = _listed(sent, bounced, complained)
    is_same = stored and (stored.settled_at, stored.figures) == (counted.settled_at, counted.figures)
    return None if is_same else counted


def store(session: Session, counted: StoredResults) -> None:
    """Store what `count_results` made."""
    values = {name: getattr(counted, name) for name in ("letter_id", "settled_at", "figures")}
    row = insert(session, StoredResults).values(values)
    session.execute(row.on_conflict_do_update(index_elements=["letter_id"], set_=values))


def drop_others(session: Session, letter_ids: Collection[int]) -> None:
    """Delete the results of all letters but these."""
    deletion = delete(StoredResults).where(StoredResults.letter_id.not_in(letter_ids))
    session.execute(deletion, execution_options=UNSYNCED)


def of_letters(session: Session, letter_ids: Collection[int]) -> list[ProviderResult]:
    """The stored results of these letters together, the provider with most copies first."""
    sums: dict[str, list[int]] = {}
    for figures in session.scalars(select(StoredResults.figures).where(StoredResults.letter_id.in_(letter_ids))):
        for group, numbers in figures.items():
            _add(sums, group, numbers)
    found = [ProviderResult(group, *numbers) for group, numbers in sums.items()]
    return sorted(found, key=lambda one: (one.group == OTHERS, -one.sent, one.group))


def shortened(results: Iterable[ProviderResult]) -> list[ProviderResult]:
    """The largest providers and all with complaints; the others in one row."""
    rows: list[ProviderResult] = []
    rest = ProviderResult(OTHERS)
    for one in results:
        if one.group != OTHERS and (len(rows) < _SHOWN or one.complained):
            rows.append(one)
        else:
            rest = ProviderResult(OTHERS, *(mine + its for mine, its in zip(rest[1:], one[1:], strict=True)))
    return [*rows, rest] if rest.sent else rows


def _heard(session: Session, letter_id: int, kind: Kind) -> dict[str, int]:
    people = select(BounceEvent.provider_group, func.count(BounceEvent.key.distinct()))
    # What was refused in the SMTP dialogue was never sent.
    mine = people.where(BounceEvent.letter_id == letter_id, BounceEvent.kind == kind, BounceEvent.way != "smtp")
    return dict(session.execute(mine.group_by(BounceEvent.provider_group)).all())


def _listed(sent: Mapping[str, int], bounced: Mapping[str, int], complained: Mapping[str, int]) -> dict[str, list[int]]:
    largest = sorted(sent.keys() - {OTHERS}, key=lambda group: (-sent[group], group))[:_LISTED]
    names = {*largest, *complained}
    figures: dict[str, list[int]] = {}
    for group in {*sent, *bounced, *complained}:
        numbers = [counts.get(group, 0) for counts in (sent, bounced, complained)]
        _add(figures, group if group in names else OTHERS, numbers)
    return figures


def _add(sums: dict[str, list[int]], group: str, numbers: Iterable[int]) -> None:
    sums[group] = [mine + its for mine, its in zip(sums.get(group, [0, 0, 0]), numbers, strict=True)]
