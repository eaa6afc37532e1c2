"""The delivery hour that a reader chose, from a form or a list."""

from typing import NamedTuple

from newsletter.errors import Invalid
from newsletter.i18n import time_zones
from newsletter.i18n.messages import lazy_gettext

HOURS = range(24)


class DeliveryHour(NamedTuple):
    """A local hour, 0 to 23, in a time zone."""

    zone: str
    hour: int


def parse(zone: str, hour: str) -> DeliveryHour | None:
    """What a reader chose, from a form or a list; None for no hour, and Invalid for one that does not exist."""
    if not hour:
        return None
    if hour not in map(str, HOURS):
        raise Invalid(lazy_gettext("Please choose an hour from the list"))
    if zone not in time_zones.known_zones():
        raise Invalid(lazy_gettext("Please choose a time zone from the list: the city nearest to you"))
    return DeliveryHour(zone, int(hour))
