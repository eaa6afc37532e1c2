"""The permission reminder: why the reader gets this mail, as every issue must say.

It fills the merge field `{{ why }}` of each copy, so a value in it is escaped like any other.
"""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from newsletter.i18n import formats
from newsletter.i18n.messages import gettext

MAX_SOURCE = 200


@lru_cache(maxsize=10_000)
def reminder(since: datetime | None, source: str | None, zone: ZoneInfo, language: str = formats.LANGUAGE) -> str:
    """The words that follow "This comes to ada@example.org because", without a full stop.

    `source` is where a reader was imported from who never confirmed here; without `since`, neither is known. The
    words are about the subscription, because the address may have been changed since.
    """
    if since is None:
        return gettext("this address is on the list", language)
    day = formats.plain_day(since.astimezone(zone), language)
    if source is None:
        # Translators: this follows “because”, and has to begin and end as a clause does there.
        return gettext("you confirmed your subscription on %(day)s", language, day=day)
    return gettext("your subscription was moved here from “%(source)s” on %(day)s", language, source=source, day=day)
