"""Receive one incoming mail, by whichever way it came: read it, record it, and do what follows, once."""

from contextlib import suppress
from datetime import datetime
from functools import partial

from newsletter import publications
from newsletter.db import Session, Sessions
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.intake import tally
from newsletter.delivery.bounces.intake.incoming import IncomingMail
from newsletter.delivery.bounces.parse import parse
from newsletter.delivery.bounces.policy import Decision
from newsletter.delivery.bounces.record import Origin
from newsletter.delivery.bounces.report import Kind, Report
from newsletter.errors import Invalid
from newsletter.workflows import forward_mail, record_bounce
from newsletter.workflows.record_bounce import BounceServices


def receive(sessions: Sessions, services: BounceServices, mail: IncomingMail, way: str, now: datetime) -> Report:
    """What the mail is; recorded and committed when this returns. One that came before changes nothing."""
    report = parse(mail)
    origin = Origin(mail.source_id, way, raw=bytes(mail.head))
    with sessions.begin() as session:
        events = record_bounce.record_report(session, services, report, origin, now)
        if events:
            tally.count_mail(session, way, report.kind, now)
        if events and (_is_for_people(events[0]) or _may_be_for_people(events[0], report)):
            is_read_here = partial(is_ours, session, services)
            why = "" if _is_for_people(events[0]) else "seems automatic"
            was_forwarded = forward_mail.forward(session, mail, events[0].letter_id, is_read_here, now, why)
            tally.count_mail(session, way, "forwarded" if was_forwarded else "kept", now)
    return report


def _may_be_for_people(event: BounceEvent, report: Report) -> bool:
    # Its words alone say that a program wrote it, and nothing else follows from it: a person may look.
    return not report.is_of_program and event.decision in {Decision.IGNORED, Decision.UNMATCHED}


def _is_for_people(event: BounceEvent) -> bool:
    # Somebody who asks to leave without proving which reader they are needs a person's help.
    is_unproven = event.kind is Kind.UNSUBSCRIBE and event.decision is Decision.UNMATCHED
    return event.kind is Kind.NOT_A_BOUNCE or is_unproven


def is_ours(session: Session, services: BounceServices, address: str) -> bool:
    """Whether mail to this address is read here: signed by us, configured, or the sender of a publication."""
    address = address.lower()
    local, _, domain = address.rpartition("@")
    if address in services.own_addresses:
        return True
    if domain == services.return_path_domain:
        # A domain that takes mail has the first two (RFC 5321, 4.5.1; RFC 2142, 4); a gateway that cuts off what stands
        # behind the plus must not have a wish to leave refused, so a person hears of it.
        return local in {"postmaster", "abuse", "unsubscribe"} or _is_signed(services, local)
    return any(one.sender_address.lower() == address for one in session.scalars(publications.all_publications()))


def _is_signed(services: BounceServices, local: str) -> bool:
    name, _, token = local.partition("+")
    for purpose in {"bounce": ("bounce", "post"), "unsubscribe": ("unsubscribe",)}.get(name, ()):
        with suppress(Invalid):
            return bool(services.audience.links.seal.open_local_part(purpose, token))
    return False
