"""Receive one incoming mail, by whichever way it came: read it, record it, and do what follows, once."""

from datetime import datetime

from newsletter.db import Sessions
from newsletter.delivery.bounces.intake import tally
from newsletter.delivery.bounces.intake.incoming import IncomingMail
from newsletter.delivery.bounces.parse import parse
from newsletter.delivery.bounces.record import Origin
from newsletter.delivery.bounces.report import Report
from newsletter.workflows import record_bounce
from newsletter.workflows.record_bounce import BounceServices


def receive(sessions: Sessions, services: BounceServices, mail: IncomingMail, way: str, now: datetime) -> Report:
    """What the mail is; recorded and committed when this returns. One that came before changes nothing."""
    report = parse(mail)
    origin = Origin(mail.source_id, way, raw=bytes(mail.head))
    with sessions.begin() as session:
        if record_bounce.record_report(session, services, report, origin, now):
            tally.count_mail(session, way, report.kind, now)
    return report
