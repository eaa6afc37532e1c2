"""Digest slots: the first weekly slot of each month, in which the digest goes out."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from itertools import groupby, takewhile
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.editorial.models import SlotClaim, SlotStep
from newsletter.editorial.schedule import occurrences
from newsletter.editorial.schedule.occurrences import Occurrence
from newsletter.publications import Publication

_AHEAD = timedelta(days=366)
_TICK = timedelta(microseconds=1)


def coming(session: Session, publication: Publication, now: datetime) -> list[datetime]:
    """The digest slots of the next year; none in a month whose digest has been dealt with."""
    slots = takewhile(lambda slot: slot.at <= now + _AHEAD, _first_of_months(publication, now))
    return [slot.at for slot in slots if slot.at > now and not _is_over(session, publication, slot.at)]


def due(session: Session, publication: Publication, after: datetime, now: datetime) -> list[Occurrence]:
    """The digest slots due since `after` that were not dealt with, the longest due first."""
    slots = takewhile(lambda slot: slot.at <= now, _first_of_months(publication, after))
    ours = (slot for slot in slots if slot.at > max(after, slot.slot.since))
    return [slot for slot in ours if not _is_over(session, publication, slot.at)]


def _first_of_months(publication: Publication, moment: datetime) -> Iterator[Occurrence]:
    """The first slot of each month that is not off, from the month of `moment` on, where the publication is.

    One from before the slot was created counts as well: a publication that begins in the middle of a month has no
    digest until the next.
    """
    every = occurrences.occurrences(publication, _month_start(publication, moment) - _TICK)
    counting = (slot for slot in every if not slot.off)
    for _, month in groupby(counting, key=lambda slot: _month_start(publication, slot.at)):
        yield next(month)


def _is_over(session: Session, publication: Publication, at: datetime) -> bool:
    """Whether the digest of that month was dealt with, be it in another slot that the month had then."""
    start = _month_start(publication, at)
    end = _month_start(publication, start + timedelta(days=32))
    claims = select(SlotClaim.at).where(SlotClaim.publication_id == publication.id, SlotClaim.kind == SlotStep.DIGEST)
    return session.scalar(claims.where(SlotClaim.at >= start, SlotClaim.at < end).limit(1)) is not None


def _month_start(publication: Publication, moment: datetime) -> datetime:
    local = moment.astimezone(ZoneInfo(publication.time_zone))
    return datetime.combine(local.date().replace(day=1), time.min, local.tzinfo)
