"""Take what a reader asks or wants to book, mail the team about it, and remind them of what they left unanswered.

A flood of requests fills the desk, not the team's mailbox.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from newsletter.audience import signup_limits
from newsletter.audience.refusals import FormKind
from newsletter.audience.services import AudienceServices
from newsletter.db import Sessions
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee
from newsletter.delivery.workers.context import WorkerContext, run_in_groups
from newsletter.engagement import requests
from newsletter.engagement.request_form import PreferredTime
from newsletter.engagement.requests import ContactRequest, NewRequest
from newsletter.i18n import formats
from newsletter.publications import Publication, contact

KIND = "contact_request"
REMINDER = "requests_waiting"
MAILS_A_DAY = 100
"""To a publication's team; what comes in beyond that waits at the desk alone."""
_A_DAY = timedelta(days=1)


def receive_request(
    session: Session,
    audience: AudienceServices,
    publication: Publication,
    new: NewRequest,
    client: str | None,
    now: datetime,
) -> None:
    """Store a request and mail the team about it; once, if the same form is sent again.

    TooManyRequests for a client over its limit.
    """
    signup_limits.count_sender(session, audience, client, now, FormKind.ASK)
    request_id = requests.store(session, new, now)
    if request_id is not None and requests.count_since(session, publication.id, now - _A_DAY) <= MAILS_A_DAY:
        request = session.get_one(ContactRequest, request_id)
        request.letter_id = _mail_team(session, audience, publication, request, now)


def delete_request(session: Session, request: ContactRequest) -> None:
    """Delete a request for good, with the mail about it if that has not left yet."""
    outbox.withdraw_letters(session, [request.letter_id] if request.letter_id else [])
    session.delete(request)


class RequestTimes(NamedTuple):
    """How long an answered request is kept, and after what wait the team is reminded of another; zero for never."""

    retention: timedelta
    wait: timedelta


def tend(sessions: Sessions, audience: AudienceServices, worker: WorkerContext, times: RequestTimes) -> None:
    """Delete what was answered long enough ago, and remind the team of what was not."""
    run_in_groups(sessions, worker, lambda session, now: requests.prune(session, times.retention, now))
    if times.wait:
        with sessions.begin() as session:
            _remind_team(session, audience, times.wait, worker.clock())


def _remind_team(session: Session, audience: AudienceServices, wait: timedelta, now: datetime) -> None:
    """Remind the team, once, of the requests that have waited so long."""
    for publication_id, count in requests.claim_overdue(session, now - wait, now).items():
        publication = session.get_one(Publication, publication_id)
        fields = {
            "count": formats.counted(count, "request"),
            "days": formats.counted(wait.days, "day"),
            "desk_url": audience.links.desk("requests", publication.slug),
        }
        _post_to_team(session, audience, publication, REMINDER, fields, now)


def preferred_time_in_words(preferred_time: PreferredTime, time_zone: str, language: str = formats.LANGUAGE) -> str:
    """`Tuesday 1 December 2026, 14:30 (Europe/Warsaw)`; empty for no preference."""
    if preferred_time.day is None:
        return ""
    day = formats.calendar_day(preferred_time.day, language)
    return f"{day}, {formats.clock(preferred_time.at, language)} ({time_zone})" if preferred_time.at else day


def _mail_team(
    session: Session, audience: AudienceServices, publication: Publication, request: ContactRequest, now: datetime
) -> int:
    fields = {
        "what": "Booking" if request.is_booking else "Question",
        "topic": request.topic,
        "preferred_time": preferred_time_in_words(request.preferred_time, request.time_zone),
        "text": request.text if publication.mails_request_text else "",
        "desk_url": audience.links.desk(f"requests/{request.id}", publication.slug),
    }
    # Many servers refuse a mail with other letters in a header (RFC 6532), and then the team would hear nothing.
    reply_to = request.email if request.email.rpartition("@")[0].isascii() else None
    return _post_to_team(session, audience, publication, KIND, fields, now, reply_to)


def _post_to_team(
    session: Session,
    audience: AudienceServices,
    publication: Publication,
    kind: str,
    fields: dict[str, str],
    now: datetime,
    reply_to: str | None = None,
) -> int:
    to = Addressee(contact.team_address(publication))
    composed = audience.compose(kind, publication, {"email": to.address, **fields})
    return outbox.post(session, publication, to, composed, now, reply_to=reply_to)
