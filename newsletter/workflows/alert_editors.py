"""Alerts: mail the editors when a breaker has opened, so that an issue has stopped for all readers or one provider.

Each opening is reported once, by one worker, in a transaction separate from the one that opened it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.services import AudienceServices
from newsletter.delivery import breaker
from newsletter.delivery.breaker import Trip
from newsletter.delivery.models import Letter
from newsletter.editorial.models import Correction, Issue
from newsletter.editors import emails
from newsletter.editors.emails import EmailContext
from newsletter.links import Links
from newsletter.publications import Publication

KIND = "sending_warning"


@dataclass(frozen=True, slots=True)
class _Halted:
    """The issue or correction that a breaker has stopped, or an issue of the welcome series."""

    issue: Issue
    correction: Correction | None
    is_in_series: bool

    @property
    def title(self) -> str:
        """Its title for use in a sentence."""
        named = f"“{self.issue.title}”"
        if self.is_in_series:
            return f"{named} in the welcome series"
        return f"Correction {self.correction.number} of {named}" if self.correction else named

    def page(self, links: Links) -> str:
        """The URL of the page where it can be resumed."""
        if self.is_in_series:
            return links.desk("settings/series", self.issue.publication.slug)
        page = f"issues/{self.issue.slug}"
        return links.desk(f"{page}/corrections/{self.correction.number}" if self.correction else page)


def send_alert(session: Session, audience: AudienceServices, trip_id: int, now: datetime) -> bool:
    """Mail every owner and editor that a breaker has opened; False if that was done already."""
    trip = breaker.claim_report(session, trip_id, now)
    halted = _halted(session, trip) if trip else None
    if trip is None or halted is None:
        return False
    fields = {
        "headline": _headline(trip, halted),
        "why": trip.explanation,
        "said": trip.message,
        "remedy": trip.remedy,
        "issue_url": halted.page(audience.links),
    }
    mail_alert(session, audience, halted.issue.publication, fields, now)
    return True


def mail_alert(
    session: Session, audience: AudienceServices, publication: Publication, fields: Mapping[str, str], now: datetime
) -> None:
    """Mail every owner and editor about something that has stopped, or should be stopped."""
    emails.mail_editors(session, EmailContext(publication, audience.compose, audience.links), KIND, fields, now)


def _headline(trip: Trip, halted: _Halted) -> str:
    if trip.is_of_complaints:
        return f"Readers at {trip.provider} report {halted.title} as spam"
    if trip.is_alarm:
        return f"{trip.provider} refuses copies of {halted.title}"
    if trip.provider_group == breaker.WHOLE:
        return f"{halted.title} is paused"
    return f"{halted.title} does not reach {trip.provider}"


def _halted(session: Session, trip: Trip) -> _Halted | None:
    correction = session.scalar(select(Correction).where(Correction.letter_id == trip.letter_id))
    repeats_id = session.get_one(Letter, trip.letter_id).repeats_id
    mine = Issue.id == correction.issue_id if correction else Issue.letter_id == (repeats_id or trip.letter_id)
    issue = session.scalar(select(Issue).where(mine))
    return _Halted(issue, correction, repeats_id is not None) if issue else None
