"""Gathers the facts: from the settings, this machine and the database, and, if asked to, from the world outside."""

from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_address

from sqlalchemy.exc import SQLAlchemyError

from newsletter import publications
from newsletter.config import Settings
from newsletter.db import AWAY, Sessions
from newsletter.delivery.message import dkim_keys
from newsletter.delivery.message.dkim import SigningKey
from newsletter.doctor import spf
from newsletter.doctor.facts import DatabaseFacts, RelayFacts, SystemFacts
from newsletter.doctor.gather_dns import Questions, Told, gather_dns
from newsletter.errors import PressError
from newsletter.mail_settings import MailServer
from newsletter.outbound import dns_client
from newsletter.outbound.dns_client import Ask
from newsletter.system.ports import is_loopback

WITHIN = 10.0
"""Seconds that all questions to the DNS may take together."""


def gather(settings: Settings, sessions: Sessions, now: datetime, *, outside: bool) -> SystemFacts:
    """All facts; only if `outside`, something beyond this machine and the database is asked."""
    senders, database = _database(sessions, settings)
    keys, key_problem = _keys(settings)
    ask = dns_client.open_client(settings.dns_resolver or dns_client.SYSTEM, within=WITHIN)
    relays = tuple(_relays(settings, ask if outside else None))
    questions = Questions(
        senders=senders,
        keys=keys,
        selectors=settings.dkim_selectors_in_use,
        return_path=settings.mail_return_path_domain or "",
        helo=settings.helo,
        sends_itself=bool(relays) and relays[-1].is_here,
    )
    told = gather_dns(ask, questions) if outside else Told((), (), ())
    return SystemFacts(
        now=now,
        asked_outside=outside,
        senders=told.senders,
        envelopes=told.envelopes,
        own_addresses=told.own_addresses,
        helo=settings.helo,
        return_path=settings.mail_return_path_domain or "",
        key_problem=key_problem,
        relays=relays,
        database=database,
    )


def _database(sessions: Sessions, settings: Settings) -> tuple[list[str], DatabaseFacts]:
    """The addresses in From, and what is known of the database."""
    default = [settings.issue_sender_address] if settings.issue_sender_address else []
    try:
        with sessions.reading() as session:
            theirs = [each.sender_address for each in session.scalars(publications.all_publications())]
    except (*AWAY, SQLAlchemyError) as error:
        words = str(getattr(error, "orig", None) or error).strip().splitlines()
        return default, DatabaseFacts(fault=words[0] if words else type(error).__name__)
    return list(dict.fromkeys([*default, *theirs])), DatabaseFacts()


def _keys(settings: Settings) -> tuple[list[SigningKey], str]:
    try:
        return list(dkim_keys.keys_in(settings.dkim_folder)), ""
    except (PressError, OSError) as error:
        return [], str(error)


def _relays(settings: Settings, ask: Ask | None) -> Iterable[RelayFacts]:
    mail, bulk = settings.mail, settings.bulk_mail
    if mail:
        yield _relay("MAIL_SERVER", mail, ask)
    if bulk and bulk != mail:
        yield _relay("BULK_MAIL_SERVER", bulk, ask)


def _relay(setting: str, server: MailServer, ask: Ask | None) -> RelayFacts:
    addresses = _addresses(server.host, ask)
    is_here = is_loopback(server.host) or any(is_loopback(address) for address in addresses)
    return RelayFacts(setting, server.host, server.host_port, is_here, addresses)


def _addresses(host: str, ask: Ask | None) -> tuple[str, ...]:
    try:
        return (str(ip_address(host)),)
    except ValueError:
        return tuple(map(str, spf.host_addresses(ask, host))) if ask else ()
