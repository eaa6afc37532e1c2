"""Receive one incoming mail, by whichever way it came: read it, record it, and do what follows, once."""

from contextlib import suppress
from datetime import datetime

from newsletter import publications
from newsletter.db import Sessions
from newsletter.delivery.bounces.intake import tally
from newsletter.delivery.bounces.intake.incoming import IncomingMail
from newsletter.delivery.bounces.parse import parse
from newsletter.delivery.bounces.record import Origin
from newsletter.delivery.bounces.report import Report
from newsletter.errors import Invalid
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


def is_ours(sessions: Sessions, services: BounceServices, address: str) -> bool:
    """Whether mail to this address is read here: signed by us, configured, or the sender of a publication."""
    address = address.lower()
    local, _, domain = address.rpartition("@")
    if address in services.own_addresses:
        return True
    if domain == services.return_path_domain:
        # A domain that takes mail has these (RFC 5321, 4.5.1; RFC 2142, 4).
        return local in {"postmaster", "abuse"} or _is_signed(services, local)
    with sessions.reading() as session:
        return any(one.sender_address.lower() == address for one in session.scalars(publications.all_publications()))


def _is_signed(services: BounceServices, local: str) -> bool:
    name, _, token = local.partition("+")
    for purpose in {"bounce": ("bounce", "post"), "unsubscribe": ("unsubscribe",)}.get(name, ()):
        with suppress(Invalid):
            return bool(services.audience.links.seal.open_local_part(purpose, token))
    return False
