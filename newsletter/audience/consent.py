"""Consent: the record of every step a reader took, only ever added to."""

import hashlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience import origins
from newsletter.audience.models import Act, ConsentEvent, Subscription, Way, Wording
from newsletter.audience.practice import Practice
from newsletter.db import insert


def record(
    session: Session,
    subscription: Subscription,
    act: Act,
    way: Way,
    now: datetime,
    origin: str | None = None,
    wording: str | None = None,
    note: str | None = None,
) -> ConsentEvent:
    """Add one step: what was done, by which door, and the words the reader had before them."""
    event = ConsentEvent(
        subscription_id=subscription.id,
        act=act,
        way=way,
        at=now,
        origin=origin,
        note=note,
        wording_id=_wording_id(session, wording) if wording else None,
    )
    session.add(event)
    session.flush()
    return event


def origin_of(practice: Practice, client: str | None) -> str | None:
    """What is kept of the client's address: a /24 or /48, a keyed hash, or nothing, as CONSENT_ORIGIN says."""
    return origins.kept(practice, client)


def _wording_id(session: Session, text: str) -> int:
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    stored = select(Wording.id).where(Wording.sha256 == sha256)
    known = session.scalar(stored)
    if known is not None:
        return known
    # Two first sign-ups at once both come here; one of them inserts, and both read the same row.
    session.execute(insert(session, Wording).values(sha256=sha256, text=text).on_conflict_do_nothing())
    return session.scalars(stored).one()
