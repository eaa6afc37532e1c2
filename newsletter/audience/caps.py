"""Caps on sign-ups: nobody can bury an address, a domain or this press in confirm letters.

The count is one statement, so it holds however many processes ask at once. Only digests are kept.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete
from sqlalchemy.orm import Session

from newsletter.audience import origins
from newsletter.audience.address import Address
from newsletter.audience.models import SignupCount
from newsletter.audience.practice import Practice
from newsletter.db import insert
from newsletter.errors import Refused

log = structlog.get_logger(__name__)
_KEPT = timedelta(days=2)


class TooMany(Refused):
    """This client asks too often, whatever it asks; the web answers 429."""


def allow(session: Session, practice: Practice, address: Address, client: str | None, now: datetime) -> bool:
    """Count a request for a letter; False when its address or domain had enough, TooMany when the client had."""
    hits = _count(session, [_row(*bucket) for bucket in _buckets(practice, address, client, now)])
    if hits.get("client", 0) > practice.caps.client:
        # If this is the address of a proxy of one's own, PROXY_HOPS is wrong and everybody waits for everybody.
        log.warning("client capped", client=origins.kept(practice, client))
        raise TooMany("That was many sign-ups in a short time. Please try again in an hour.")
    return hits["address"] <= practice.caps.address and hits["domain"] <= practice.caps.domain


def prune(session: Session, now: datetime) -> int:
    """Forget the counts of windows that are over; how many."""
    old = delete(SignupCount).where(SignupCount.window < _hour(now - _KEPT)).returning(SignupCount.window)
    return len(session.scalars(old, execution_options={"synchronize_session": False}).all())


def _buckets(practice: Practice, address: Address, client: str | None, now: datetime) -> Iterator[tuple[str, str, int]]:
    hour = _hour(now)
    # The order is fixed: two transactions that share buckets lock them alike, so neither waits for ever.
    yield "address", origins.digest(practice, address.key), hour - hour % 24
    yield "domain", origins.digest(practice, address.domain), hour
    if (one := origins.one_client(client)) is not None:
        yield "client", origins.digest(practice, one), hour


def _row(kind: str, digest: str, window: int) -> dict[str, str | int]:
    return {"bucket": f"{kind}:{digest}", "window": window, "hits": 1}


def _count(session: Session, rows: list[dict[str, str | int]]) -> dict[str, int]:
    counted = insert(session, SignupCount)
    counted = counted.on_conflict_do_update(index_elements=["bucket", "window"], set_={"hits": SignupCount.hits + 1})
    hits = session.execute(counted.returning(SignupCount.bucket, SignupCount.hits), rows)
    return {bucket.partition(":")[0]: count for bucket, count in hits}


def _hour(moment: datetime) -> int:
    return int(moment.timestamp()) // 3600
