"""Segments of a press that has grown: how long the slowest takes to count, and to show its newest readers.

`python -m bench.choosing` prints each; `python -m bench.choosing 1000` asks so many readers.
"""

import logging
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from sqlalchemy import String, case, cast, insert, literal, select

from bench import large_press, stock
from bench.large_press import Size
from bench.rows import RUNS, Row
from newsletter import publications
from newsletter.audience import attributes, tags
from newsletter.audience.attribute_types import AttributeType
from newsletter.audience.attributes import AttributeValues
from newsletter.audience.models import Status, Subscription
from newsletter.audience.segments import store
from newsletter.audience.segments.rule import Condition, Match, Rule
from newsletter.audience.tags import SubscriptionTag
from newsletter.db import Session, Sessions, open_engine
from newsletter.delivery.models import Copy, CopyState

_ISSUE = 3
_TAG = Condition.parse("tag", "is", "VIP")
_OVER = Condition.parse("attribute", "over", "40", "Age")
_NO_TAG = Condition.parse("tag", "is_not", "VIP")
_TEXT = Condition.parse("attribute", "contains", "o", "City")
_TOWN = Condition.parse("attribute", "is", "Oslo", "City")
_DOMAIN = Condition.parse("domain", "is", "mail7.example")
_MISSED = Condition.parse("issue", "missed", str(_ISSUE))
_ACTIVE = Condition.parse("status", "is", "active")
_RECEIVED = Condition.parse("issue", "received", str(_ISSUE))
_EITHER = Rule(Match.ANY, (_TAG, _OVER))
RULES = {
    "everybody": Rule(),
    "status": Rule(conditions=(_ACTIVE,)),
    "joined": Rule(conditions=(Condition.parse("joined", "within_days", "365"),)),
    "domain": Rule(conditions=(_DOMAIN,)),
    "tag": Rule(conditions=(_TAG,)),
    "no tag": Rule(conditions=(_NO_TAG,)),
    "number": Rule(conditions=(_OVER,)),
    "text": Rule(conditions=(_TEXT,)),
    "town": Rule(conditions=(_TOWN,)),
    "unknown": Rule(conditions=(Condition.parse("attribute", "unknown", name="City"),)),
    "received": Rule(conditions=(_RECEIVED,)),
    "missed": Rule(conditions=(_MISSED,)),
    "tag and number": Rule(conditions=(_TAG, _OVER)),
    "tag or number": _EITHER,
    "number but no tag": Rule(conditions=(_OVER, _NO_TAG)),
    "active but no tag": Rule(conditions=(_ACTIVE, _NO_TAG)),
    "domain and tag": Rule(conditions=(_DOMAIN, _TAG)),
    "domain or tag": Rule(Match.ANY, (_DOMAIN, _TAG)),
    "tag but missed": Rule(conditions=(_TAG, _MISSED)),
    "no tag and missed": Rule(conditions=(_NO_TAG, _MISSED)),
    "all of three": Rule(conditions=(_TAG, _OVER, _TEXT)),
    "any of three": Rule(Match.ANY, (_TAG, _OVER, _TEXT)),
    "any of three lists": Rule(Match.ANY, (_TAG, _OVER, _RECEIVED)),
    "town, not a segment": Rule(conditions=(_TOWN, Condition.parse("segment", "is_not", "1", rule=_EITHER))),
}
"""A rule of each kind, by what it asks."""


def on_sqlite(readers: int = 1_000_000) -> Row:
    """The slowest count and the slowest sample, in seconds that a person waits for it."""
    found = measured(readers)
    slowest, (counting, _) = max(found.items(), key=lambda one: one[1][0])
    sampling = max(each for _, each in found.values())
    ours = f"count {counting * 1000:.0f} ms ({slowest}), sample {sampling * 1000:.0f} ms"
    return Row(f"segments of {readers:,} readers, SQLite", ours, "–", None, "≤ 300 ms")


def measured(readers: int) -> dict[str, tuple[float, float]]:
    """For each rule, the seconds that it takes to count and to show ten."""
    with stock.sqlite() as url, TemporaryDirectory() as folder:
        size = Size(readers=readers, sent=10, drafts=2, ready=2, acts=10, revisions=2, attributes=0)
        large_press.fill(url, Path(folder), size)
        sessions = Sessions(open_engine(url))
        with sessions.begin() as session:
            _describe(session)
            _send(session)
        found = {name: _measure(sessions, rule) for name, rule in RULES.items()}
        sessions.engine.dispose()
        return found


def _describe(session: Session) -> None:
    """Two readers in five have the tag, and each has a city and an age."""
    home = publications.find(session)
    (tag,) = tags.ensure_tags(session, home.id, ["VIP"]).values()
    types = {"City": AttributeType.TEXT, "Age": AttributeType.NUMBER}
    known = attributes.ensure_attributes(session, home.id, types)
    city, age = known["city"].column_name, known["age"].column_name
    n = Subscription.id
    town = case((n % 4 == 0, "Oslo"), (n % 4 == 1, "Bern"), (n % 4 == 2, "Paris"), else_="Lima")
    rows = (
        (SubscriptionTag, ("subscription_id", "tag_id"), select(n, literal(tag)).where(n % 5 < 2)),
        (
            AttributeValues,
            ("publication_id", "part", "subscription_id", city, age),
            select(literal(home.id), literal(0), n, town, cast(n % 90, String)),
        ),
    )
    for table, columns, source in rows:
        session.execute(insert(table).from_select(columns, source.order_by(n)))


def _send(session: Session) -> None:
    """One issue went to all who were active, but one in a hundred."""
    n, had = Subscription.id, select(Copy.subscription_id).where(Copy.letter_id == _ISSUE)
    state = case((n % 100 == 0, CopyState.REFUSED.value), else_=CopyState.SENT.value)
    said = select(literal(_ISSUE), n, "reader" + cast(n, String) + "@mail7.example", state, Subscription.created_at)
    rows = said.where(Subscription.status == Status.ACTIVE, n.not_in(had)).order_by(n)
    columns = ("letter_id", "subscription_id", "address", "state", "not_before")
    session.execute(insert(Copy).from_select(columns, rows))


def _measure(sessions: Sessions, rule: Rule) -> tuple[float, float]:
    now = datetime.now(UTC)
    with sessions.reading() as session:
        home = publications.find(session)
        return (
            _wait(lambda: store.count(session, home, rule, now)),
            _wait(lambda: store.sample(session, home, rule, now, 10)),
        )


def _wait(act: Callable[[], object]) -> float:
    """The median of the seconds that it takes by the clock, because two halves of a count take the time of one."""
    took = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return statistics.median(took[1:])


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for name, (counting, sampling) in measured(int(sys.argv[1]) if sys.argv[1:] else 1_000_000).items():
        print(f"{name:20} count {counting * 1000:5.0f} ms, sample {sampling * 1000:5.0f} ms")
