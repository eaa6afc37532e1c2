"""Gathers the facts: from the settings, this machine and the database, and, if asked to, from the world outside."""

import ssl
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from newsletter import publications
from newsletter.clock import Clock, now
from newsletter.config import Settings
from newsletter.db import AWAY, Sessions
from newsletter.delivery.message import dkim_keys
from newsletter.delivery.message.dkim import SigningKey
from newsletter.doctor import gather_here, gather_hosts, spf
from newsletter.doctor.facts import DatabaseFacts, EnvelopeFacts, MailHost, RelayFacts, SystemFacts, WebFacts
from newsletter.doctor.gather_dns import Questions, gather_dns
from newsletter.errors import PressError
from newsletter.mail_settings import MailServer
from newsletter.outbound import GuardedClient, dns_client
from newsletter.outbound.dns_client import Ask
from newsletter.system.ports import is_loopback

WITHIN = 6.0
"""Seconds that all questions to the DNS may take together; the hosts that they name have four more."""
_MOST_HOSTS = 3


@dataclass(frozen=True)
class Outside:
    """How the world outside is asked; tests change it."""

    web: GuardedClient | None = None
    smtp_port: int = field(default_factory=lambda: gather_hosts.SMTP_PORT)
    tls: ssl.SSLContext | None = None
    clock: Clock = now


def gather(settings: Settings, sessions: Sessions, now: datetime, outside: Outside | None = None) -> SystemFacts:
    """All facts; nothing beyond this machine and the database is asked unless `outside` says how."""
    senders, database = _database(sessions, settings, now)
    keys, key_problem = _keys(settings)
    facts = SystemFacts(
        now=now,
        asked_outside=outside is not None,
        helo=settings.helo,
        return_path=settings.mail_return_path_domain or "",
        key_problem=key_problem,
        relays=tuple(
            RelayFacts(setting, server.host, server.host_port, is_here=is_loopback(server.host))
            for setting, server in _servers(settings)
        ),
        hooks=tuple(_hooks(settings)),
        web=_web(settings),
        machine=gather_here.look_at_machine(settings, gather_here.database_file(sessions)),
        database=database,
        sender_addresses=tuple(senders),
    )
    return _ask_outside(facts, settings, keys, outside) if outside else facts


def _ask_outside(facts: SystemFacts, settings: Settings, keys: list[SigningKey], outside: Outside) -> SystemFacts:
    ask = dns_client.open_client(settings.dns_resolver or dns_client.SYSTEM, within=WITHIN)
    servers = [server for _, server in _servers(settings)]
    with ThreadPoolExecutor(8) as threads:
        web = threads.submit(_asked_web, facts.web, outside)
        relays = list(threads.map(partial(_located, ask), facts.relays))
        asked = [
            threads.submit(gather_hosts.ask_relay, relay, server, outside.clock, outside.tls)
            for relay, server in zip(relays, servers, strict=True)
        ]
        questions = Questions(
            senders=facts.sender_addresses,
            keys=keys,
            selectors=settings.dkim_selectors_in_use,
            return_path=facts.return_path,
            helo=settings.helo,
            sends_itself=bool(relays) and relays[-1].is_here,
        )
        domains = gather_dns(ask, questions)
        envelopes = tuple(threads.map(partial(_asked_envelope, ask, outside, settings.helo), domains.envelopes))
        return replace(
            facts,
            senders=domains.senders,
            envelopes=envelopes,
            own_addresses=domains.own_addresses,
            relays=tuple(each.result() for each in asked),
            web=web.result(),
        )


def _database(sessions: Sessions, settings: Settings, now: datetime) -> tuple[list[str], DatabaseFacts]:
    """The addresses in From, and what is known of the database."""
    default = [settings.issue_sender_address] if settings.issue_sender_address else []
    try:
        with sessions.reading() as session:
            facts = gather_here.look_at_database(session, sessions, now)
            if facts.schema:
                return default, facts
            theirs = [each.sender_address for each in session.scalars(publications.all_publications())]
    except (*AWAY, SQLAlchemyError) as error:
        words = str(getattr(error, "orig", None) or error).strip().splitlines()
        return default, DatabaseFacts(fault=words[0] if words else type(error).__name__)
    return list(dict.fromkeys([*default, *theirs])), facts


def _keys(settings: Settings) -> tuple[list[SigningKey], str]:
    try:
        return list(dkim_keys.keys_in(settings.dkim_folder)), ""
    except (PressError, OSError) as error:
        return [], str(error)


def _servers(settings: Settings) -> list[tuple[str, MailServer]]:
    """Each mail server with the setting that names it; that for issues last."""
    mail, bulk = settings.mail, settings.bulk_mail
    named = [("MAIL_SERVER", mail), ("BULK_MAIL_SERVER", bulk if bulk != mail else None)]
    return [(setting, server) for setting, server in named if server]


def _located(ask: Ask, relay: RelayFacts) -> RelayFacts:
    addresses = _addresses(relay.host, ask)
    return replace(relay, addresses=addresses, is_here=relay.is_here or any(map(is_loopback, addresses)))


def _addresses(host: str, ask: Ask) -> tuple[str, ...]:
    try:
        return (str(ip_address(host)),)
    except ValueError:
        return tuple(map(str, spf.host_addresses(ask, host)))


def _asked_envelope(ask: Ask, outside: Outside, helo: str, envelope: EnvelopeFacts) -> EnvelopeFacts:
    ranked = sorted((int(rank), host) for rank, host in (value.split() for value in envelope.mx.values) if host != ".")
    hosts = [_mail_host(ask, host) for _, host in ranked[:_MOST_HOSTS]]
    with ThreadPoolExecutor(_MOST_HOSTS) as threads:
        asked = threads.map(lambda host: gather_hosts.ask_mail_host(host, outside.smtp_port, helo, outside.tls), hosts)
        return replace(envelope, hosts=tuple(asked))


def _mail_host(ask: Ask, name: str) -> MailHost:
    # An address for a name is a fault of the record, and no mail server goes there.
    addresses = tuple(map(str, spf.host_addresses(ask, name)))
    fault = "the DNS does not say where it is" if not addresses and spf.address_fault(ask, name) else ""
    return MailHost(name, addresses, fault)


def _web(settings: Settings) -> WebFacts:
    return WebFacts(
        url=settings.public_url,
        proxy_hops=settings.proxy_hops,
        listens=settings.listen,
        is_local=is_loopback(urlsplit(settings.public_url).hostname or ""),
        listens_locally=is_loopback(settings.listen),
    )


def _asked_web(web: WebFacts, outside: Outside) -> WebFacts:
    """What our own pages answer; an address that only this machine can reach is not requested."""
    if web.is_local:
        return web
    port = urlsplit(web.url).port
    ports = frozenset({80, 443} | ({port} if port else set()))
    client = outside.web or GuardedClient(ports=ports, most_redirects=0, seconds=5.0)
    return gather_hosts.ask_web(web, client, outside.clock)


def _hooks(settings: Settings) -> Iterable[str]:
    """The providers whose webhooks the settings let in."""
    secrets = {
        "ses": settings.bounce_ses_topics,
        "postmark": settings.bounce_postmark_secret,
        "sendgrid": settings.bounce_sendgrid_key,
        "mailgun": settings.bounce_mailgun_key,
        "brevo": settings.bounce_brevo_secret,
        "resend": settings.bounce_resend_secret,
    }
    return (provider for provider, secret in secrets.items() if secret)
