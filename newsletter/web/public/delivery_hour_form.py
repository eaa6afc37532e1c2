"""The form by which a reader chooses at which hour of their day issues arrive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from newsletter.audience.chosen_hour import HOURS
from newsletter.audience.models import Subscription
from newsletter.i18n import formats, time_zones


@dataclass(frozen=True, slots=True)
class Choice:
    """An hour or a time zone, by its value, in words, and whether it is the chosen one."""

    value: str
    words: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class DeliveryHourForm:
    """What the form offers and shows."""

    hours: Sequence[Choice]
    zones: Mapping[str, Sequence[Choice]]
    """By the part of the world; a chosen zone that is on no list stands alone."""
    lost_zone: str
    """The reader's time zone if it is not known here any more; else empty."""

    @classmethod
    def for_reader(cls, subscription: Subscription, typed: Mapping[str, str], language: str, now: datetime) -> Self:
        """The form as the reader has filled it in, or else with what is stored, at first their publication's zone."""
        stored_zone, stored_hour = subscription.delivery_zone, subscription.delivery_hour
        is_lost = stored_zone is not None and stored_zone not in time_zones.known_zones()
        hour = typed.get("hour", "" if stored_hour is None else str(stored_hour))
        zone = typed.get("zone", "" if is_lost else stored_zone or subscription.publication.time_zone)
        hours = [Choice(str(one), formats.full_hour(one, language), str(one) == hour) for one in HOURS]
        return cls(hours, _zones(zone, language, now), stored_zone or "" if is_lost else "")


def _zones(chosen: str, language: str, now: datetime) -> Mapping[str, Sequence[Choice]]:
    regions = {
        region: [Choice(name, _words(city, name, now), name == chosen) for name, city in zones]
        for region, zones in time_zones.zones_by_region(language).items()
    }
    is_listed = any(zone.is_chosen for zones in regions.values() for zone in zones)
    if is_listed or chosen not in time_zones.known_zones():
        return regions
    return {"": [Choice(chosen, _words(chosen, chosen, now), is_chosen=True)]} | regions


def _words(place: str, zone: str, now: datetime) -> str:
    return f"{place} ({time_zones.utc_offset(now, zone)})"
