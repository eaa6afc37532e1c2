"""What the worker does about sign-ups: reminds, if that is wanted, and ends those that nobody confirms.

It also slows them when too many of their confirmation emails come back, and tells the editors.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import change_address, confirm_breaker, signup_limits, unconfirmed
from newsletter.audience.services import AudienceServices
from newsletter.db import Sessions
from newsletter.delivery.breaker import Trip
from newsletter.delivery.workers.context import WorkerContext
from newsletter.i18n import formats
from newsletter.workflows import alert_editors

log = structlog.get_logger(__name__)
Act = Callable[[Session, datetime], int]


def acts(audience: AudienceServices, keep: timedelta, *, reminds: bool) -> list[Act]:
    """What to do, each in groups until nothing is left; sign-ups wait for `keep`."""
    ends: list[Act] = [
        signup_limits.prune,
        lambda session, now: unconfirmed.prune(session, now, keep),
        change_address.prune_unanswered,
    ]
    return [partial(_remind, audience), *ends] if reminds else ends


def watch(sessions: Sessions, audience: AudienceServices, worker: WorkerContext) -> None:
    """Open the breaker if too many confirmation emails came back, and tell the editors. Commits by itself."""
    now = worker.clock()
    with sessions.reading() as session:
        trip = confirm_breaker.find_trip(session, now)
    if trip is None:
        return
    with sessions.begin() as session:
        if confirm_breaker.record_trip(session, trip):
            log.error("sign-ups slowed: confirmation emails come back", sent=trip.sent, returned=trip.returned)
            fields = {
                "headline": "Too many confirmation emails are coming back",
                "why": trip.explanation,
                "said": f"{formats.number(trip.returned)} of {formats.number(trip.sent)} came back",
                "remedy": confirm_breaker.REMEDY,
                "issue_url": audience.links.desk("readers"),
            }
            alert_editors.mail_alert(session, audience, publications.find(session), fields, now)


def _remind(audience: AudienceServices, session: Session, now: datetime) -> int:
    return 0 if _breaker_is_open(session, audience, now) else unconfirmed.remind(session, audience, now)


def _breaker_is_open(session: Session, audience: AudienceServices, now: datetime) -> bool:
    """Whether servers refuse our mail, or sign-ups are slowed or were stopped; then nothing unasked should go out."""
    is_refused = session.scalar(select(Trip.id).where(Trip.closed_at.is_(None)).limit(1)) is not None
    is_slowed = confirm_breaker.open_trip(session) is not None
    return is_refused or is_slowed or signup_limits.were_stopped(session, audience, now)
