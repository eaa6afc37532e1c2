"""The permission reminder: why the reader gets this mail, as every issue must say.

It fills the merge field `{{ why }}` of each copy, so a value in it is escaped like any other.
"""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from newsletter.i18n import formats

MAX_SOURCE = 200


@lru_cache(maxsize=10_000)
def reminder(since: datetime | None, source: str | None, zone: ZoneInfo, language: str = formats.LANGUAGE) -> str:
    """The words that follow "This comes to ada@example.org because", without a full stop.

    `source` is where a reader was imported from who never confirmed here; without `since`, neither is known.
    """
    if since is None:
        return "this address is on the list"
    day = formats.plain_day(since.astimezone(zone), language)
    return (
        f"you confirmed this address on {day}"
        if source is None
        else (f"this address was moved here from “{source}” on {day}")
    )
