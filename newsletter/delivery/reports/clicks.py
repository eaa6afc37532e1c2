"""Click counts: how often each link of a letter was followed, but not by whom.

track_links   when a letter is frozen, replaces every outside URL in its HTML by /c/<token>, equal for all readers
target        the URL that such a link redirects to: from the table, never from the request
add_clicks    adds clicks in groups
"""

import html
import re
from collections.abc import Collection, Mapping, Sequence
from typing import cast

from sqlalchemy import BigInteger, ForeignKey, Integer, Table, Text, bindparam, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base
from newsletter.delivery.models import Letter
from newsletter.links import Links

UNCOUNTED = "look"
"""In the query of a link that somebody follows from a preview or a test mail."""

# Links with merge fields differ from reader to reader, and are not counted.
_ANCHOR = re.compile(r'(<a\b[^>]*?\shref=")(https?://[^"{}]+)(?=")', re.IGNORECASE)


class CountedLink(Base):
    """A URL that a letter links to, and how often it was followed; nothing is stored about who did."""

    __tablename__ = "counted_links"

    letter_id: Mapped[int] = mapped_column(ForeignKey("letters.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    url: Mapped[str] = mapped_column(Text)
    clicks: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), default=0, server_default="0")


_ROWS = cast("Table", CountedLink.__table__)


def track_links(session: Session, letter: Letter, links: Links) -> None:
    """Make the links of a newly frozen letter counted; its plain text keeps the URLs."""
    numbers: dict[str, int] = {}

    def counted(found: re.Match[str]) -> str:
        url = html.unescape(found[2])
        if links.is_ours(url) or not url.isprintable():
            return found[0]
        number = numbers.setdefault(url, len(numbers) + 1)
        return f"{found[1]}{links.click(letter.id, number)}"

    letter.html = _ANCHOR.sub(counted, letter.html)
    session.add_all(CountedLink(letter_id=letter.id, number=number, url=url) for url, number in numbers.items())


def target(session: Session, letter_id: int, number: int) -> str | None:
    """The URL of a counted link; None if there is none."""
    found = select(CountedLink.url).where(CountedLink.letter_id == letter_id, CountedLink.number == number)
    return session.scalar(found)


def without_tracking(template: str, links: Links) -> str:
    """A letter's HTML for previews and tests, with its original links."""
    return re.sub(rf"{re.escape(links.click_prefix)}[A-Za-z0-9_-]+", rf"\g<0>?{UNCOUNTED}", template)


def add_clicks(session: Session, followed: Mapping[tuple[int, int], int]) -> None:
    """Add clicks to each of these links, given by letter and number."""
    own = update(_ROWS).where(_ROWS.c.letter_id == bindparam("letter"), _ROWS.c.number == bindparam("link"))
    counted = own.values(clicks=_ROWS.c.clicks + bindparam("more"))
    # In a fixed order, so that two concurrent processes cannot deadlock.
    rows = [{"letter": link[0], "link": link[1], "more": times} for link, times in sorted(followed.items())]
    session.connection().execute(counted, rows)


def counted_links(session: Session, letter_id: int) -> Sequence[CountedLink]:
    """The counted links of a letter, in the order of the text."""
    mine = select(CountedLink).where(CountedLink.letter_id == letter_id)
    return session.scalars(mine.order_by(CountedLink.number)).all()


def total_clicks(session: Session, letter_ids: Collection[int]) -> dict[int, int]:
    """How often the links of each of these letters were followed in total; letters without any are missing."""
    summed = select(CountedLink.letter_id, func.sum(CountedLink.clicks)).group_by(CountedLink.letter_id)
    found = session.execute(summed.where(CountedLink.letter_id.in_(letter_ids)))
    return {letter_id: int(total) for letter_id, total in found}
