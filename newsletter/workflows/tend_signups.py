"""What the worker does about sign-ups: reminds, if that is wanted, and ends those that nobody confirms."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience import signup_limits, unconfirmed
from newsletter.audience.services import AudienceServices
from newsletter.delivery.breaker import Trip

Act = Callable[[Session, datetime], int]


def acts(audience: AudienceServices, keep: timedelta, *, reminds: bool) -> list[Act]:
    """What to do, each in groups until nothing is left; sign-ups wait for `keep`."""
    ends: list[Act] = [signup_limits.prune, lambda session, now: unconfirmed.prune(session, now, keep)]
    return [partial(_remind, audience), *ends] if reminds else ends


def _remind(audience: AudienceServices, session: Session, now: datetime) -> int:
    return 0 if _breaker_is_open(session, audience, now) else unconfirmed.remind(session, audience, now)


def _breaker_is_open(session: Session, audience: AudienceServices, now: datetime) -> bool:
    """Whether servers refuse our mail, or sign-ups were stopped within a day; then nothing unasked should go out."""
    is_refused = session.scalar(select(Trip.id).where(Trip.closed_at.is_(None)).limit(1)) is not None
    return is_refused or signup_limits.were_stopped(session, audience, now)
