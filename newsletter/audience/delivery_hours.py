"""Delivery hours: a reader may have issues arrive at a local hour of their choice instead of as soon as they are sent.

An issue arrives at the first such hour at or after its slot, at most a day later and never before. What is stored is
only the choice; `hour_starts` turns it into moments when an issue begins.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, ColumnElement, Dialect, String, cast, func, literal, literal_column, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from newsletter.audience import consent
from newsletter.audience.chosen_hour import HOURS, DeliveryHour
from newsletter.audience.models import Subscription
from newsletter.audience.services import AudienceServices
from newsletter.db import UtcDateTime, is_postgresql
from newsletter.i18n import time_zones
from newsletter.prepared import moment
from newsletter.publications import Publication

DAY = timedelta(days=1)

# Every offset in use is a whole number of quarters of an hour, and so is every change of one.
_QUARTER = timedelta(minutes=15)
_JSON = JSON().with_variant(postgresql.JSONB(), "postgresql")


class HourStart(NamedTuple):
    """A delivery hour that readers of a publication chose, and when it begins for an issue."""

    zone: str
    hour: int
    at: datetime


def first_moments(slot: datetime, zone: ZoneInfo) -> Mapping[int, datetime]:
    """For each local hour, the first moment at or after the slot that lies in it, at most a day after the slot.

    An hour that the clock skips begins when it does so; of an hour that occurs twice, the first counts.
    """
    moments: dict[int, datetime] = {}
    at, before = slot, _hour_number(slot, zone)
    while at < slot + DAY:
        hour = _hour_number(at, zone)
        for passed in range(min(before + 1, hour), hour + 1):
            moments.setdefault(passed % 24, at)
        before, at = hour, _next_quarter(at)
    return {hour: moments.get(hour, slot + DAY) for hour in HOURS}


def hour_starts(session: Session, publication: Publication, slot: datetime, now: datetime) -> list[HourStart]:
    """The delivery hours that begin after now for an issue of this slot; none in a zone that is no longer known."""
    if not publication.offers_delivery_hours:
        return []
    chosen = select(Subscription.delivery_zone, Subscription.delivery_hour).distinct()
    chosen = chosen.where(Subscription.publication_id == publication.id, Subscription.delivery_hour.is_not(None))
    hours: dict[str, list[int]] = defaultdict(list)
    for zone, hour in session.execute(chosen):
        hours[zone or ""].append(hour or 0)
    found = []
    for zone in sorted(hours.keys() & time_zones.known_zones()):
        moments = first_moments(slot, ZoneInfo(zone))
        found += [HourStart(zone, hour, moments[hour]) for hour in hours[zone] if moments[hour] > now]
    return found


def wished_at(dialect: Dialect, starts: Sequence[HourStart]) -> ColumnElement[datetime]:
    """The moment that a subscription's delivery hour begins, as an SQL expression; NULL if it need not wait for one."""
    # One look-up for each reader in a JSON object: SQLite would read a joined table anew for each.
    moments = literal({f"{start.zone} {start.hour}": str(moment(dialect, start.at)) for start in starts}, _JSON)
    chosen = Subscription.delivery_zone + literal_column("' '") + cast(Subscription.delivery_hour, String)
    if is_postgresql(dialect):
        return cast(func.jsonb_extract_path_text(moments, chosen), UtcDateTime)
    path: ColumnElement[str] = literal_column("'$.\"'") + chosen + literal_column("'\"'")
    return func.json_extract(moments, path, type_=UtcDateTime())


def choose(
    session: Session,
    audience: AudienceServices,
    subscription: Subscription,
    wanted: DeliveryHour | None,
    client: str | None,
    now: datetime,
) -> None:
    """Have issues arrive at that hour, or as soon as they are sent; takes effect with the next issue."""
    before = subscription.delivery_zone, subscription.delivery_hour
    zone, hour = wanted or (None, None)
    if before == (zone, hour):
        return
    subscription.delivery_zone, subscription.delivery_hour = zone, hour
    note = f"delivery hour: {hour} in {zone}" if wanted else "delivery hour: none"
    consent.record_choice(session, audience, subscription, note, client, now)


def _hour_number(at: datetime, zone: ZoneInfo) -> int:
    """The number of a local hour, counted on over days."""
    local = at.astimezone(zone)
    return local.toordinal() * 24 + local.hour


def _next_quarter(at: datetime) -> datetime:
    return at + _QUARTER - timedelta(minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond)
