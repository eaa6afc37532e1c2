"""Time zones as people look for them: the cities that they are named after, by continent, in a language."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from babel import dates
from babel.core import get_global

from newsletter.i18n.collation import sort_key
from newsletter.i18n.locales import locale_of

YEARS = range(1000, 9000)
"""Beyond these, local times may be none that Python can express."""

_AFRICA, _AMERICAS, _ASIA, _EUROPE, _OCEANIA = "002", "019", "142", "150", "009"
# The first part of a zone's name, or the name of an island far away from most others of its ocean, and the CLDR's code
# (UN M49) of that part of the world.
_REGIONS = {
    "Africa": _AFRICA,
    "America": _AMERICAS,
    "Antarctica": "AQ",
    "Arctic": _EUROPE,
    "Asia": _ASIA,
    "Atlantic": _EUROPE,
    "Atlantic/Bermuda": _AMERICAS,
    "Atlantic/Cape_Verde": _AFRICA,
    "Atlantic/South_Georgia": _AMERICAS,
    "Atlantic/St_Helena": _AFRICA,
    "Atlantic/Stanley": _AMERICAS,
    "Australia": _OCEANIA,
    "Europe": _EUROPE,
    "Indian": _AFRICA,
    "Indian/Chagos": _ASIA,
    "Indian/Christmas": _ASIA,
    "Indian/Cocos": _ASIA,
    "Indian/Maldives": _ASIA,
    "Pacific": _OCEANIA,
}


@cache
def known_zones() -> frozenset[str]:
    """The names of all time zones whose rules are known here."""
    return frozenset(available_timezones())


@lru_cache(maxsize=16)
def zones_by_region(language: str) -> Mapping[str, Sequence[tuple[str, str]]]:
    """For each part of the world the names of its time zones with their cities, all in the order of the alphabet.

    A zone that has several names is there once.
    """
    locale = locale_of(language)
    found = defaultdict(list)
    for name in known_zones() & get_global("zone_territories").keys():
        if code := _REGIONS.get(name) or _REGIONS.get(name.partition("/")[0]):
            found[str(locale.territories[code])].append((name, city(name, language)))
    regions = sorted(found, key=lambda region: sort_key(region, language))
    return {region: sorted(found[region], key=lambda zone: sort_key(zone[1], language)) for region in regions}


def city(name: str, language: str) -> str:
    """`Warsaw` for `Europe/Warsaw`."""
    return dates.get_timezone_location(name, locale=locale_of(language), return_city=True)


def utc_offset(instant: datetime, name: str) -> str:
    """`UTC+5:30`: how far a zone's clocks are ahead then."""
    return offset_of(instant.astimezone(ZoneInfo(name)))


def clock_name(instant: datetime, name: str) -> str:
    """`CEST`: what the zone's clocks are called then; their offset where they have no name."""
    local = instant.astimezone(ZoneInfo(name))
    called = local.tzname() or ""
    return called if called.isalpha() else offset_of(local)


def offset_of(local: datetime) -> str:
    """The same, of a time in its zone."""
    minutes = int((local.utcoffset() or timedelta()).total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}{(rest and f':{rest:02}') or ''}"
