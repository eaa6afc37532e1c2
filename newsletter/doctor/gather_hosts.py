"""Gathers what hosts outside say when they are asked: our mail servers, those that take bounces, and our own pages."""

import re
import smtplib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from newsletter.clock import Clock
from newsletter.delivery.smtp import smtplib_client, tls_trust
from newsletter.delivery.smtp.replies import ProtocolError
from newsletter.delivery.smtp.smtplib_client import Interrupt, SmtpClient
from newsletter.doctor.facts import ClockFacts, MailHost, RelayFacts, WebFacts
from newsletter.errors import TransportDown
from newsletter.mail_settings import MailServer
from newsletter.outbound import GuardedClient

# Seconds for the whole conversation with one mail server.
_PATIENCE = 4.0
SMTP_PORT = 25

_HEALTH, _ONE_CLICK = "/healthz", "/unsubscribe/doctor"
_MOST_BYTES = 2_000
# What a session that fails may raise.
_FAULTS = (TransportDown, smtplib.SMTPException, OSError)
_ERRNO = re.compile(r"\[Errno -?\d+\] ")
# Some servers say in their greeting what time it is.
_DATE = re.compile(r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} [+-]\d{4}")


def ask_relay(relay: RelayFacts, server: MailServer, clock: Clock, tls: ssl.SSLContext | None = None) -> RelayFacts:
    """Connect and sign in as a worker would, and send nothing."""
    try:
        with _in_time() as interrupt:
            client = smtplib_client.open_session(server, interrupt, _PATIENCE, tls)
            greeted = _time_in(relay.host, client.greeting, clock())
            encrypted = isinstance(client.sock, ssl.SSLSocket)
            extensions = frozenset(name.upper() for name in client.esmtp_features)
            client.quit_and_close()
    except _FAULTS as error:
        return replace(relay, fault=_reason(error))
    return replace(relay, extensions=extensions, is_encrypted=encrypted, signs_in=bool(server.username), clock=greeted)


def ask_mail_host(host: MailHost, port: int, helo: str, tls: ssl.SSLContext | None = None) -> MailHost:
    """Whether a host that takes bounces offers TLS, with a certificate for its name."""
    if not host.addresses:
        return host
    try:
        with _in_time() as interrupt:
            client = _ClientAt(interrupt, host, port, timeout=_PATIENCE, local_hostname=helo or None)
            try:
                return _secured(client, host, tls or tls_trust.verified_context())
            finally:
                client.close()
    except _FAULTS as error:
        has_answered = isinstance(error, smtplib.SMTPResponseException | ProtocolError)
        return replace(host, fault=_reason(error), has_answered=has_answered)


def ask_web(web: WebFacts, client: GuardedClient, clock: Clock) -> WebFacts:
    """Ask our own pages by their public address, as a reader's mail program would."""
    health = client.fetch(f"{web.url}{_HEALTH}", _MOST_BYTES)
    if health.fault:
        return replace(web, is_asked=True, health=health.fault)
    clock_facts = _time_in(web.url, f"{health.headers.get('Date', '')}".replace("GMT", "+0000"), clock())
    if health.status != 200 or health.content.strip() != b"ok":
        words = f"answers {health.status}, and not as this program does"
        return replace(web, is_asked=True, health=words, clock=clock_facts)
    pressed = client.post(f"{web.url}{_ONE_CLICK}", _MOST_BYTES)
    # A made-up link is refused by a page of ours; a proxy that wants a sign-in, or no POST, answers otherwise.
    is_ours = not pressed.fault and pressed.status == 404
    fault = "" if is_ours else pressed.fault or f"answers {pressed.status} to a POST"
    return replace(web, is_asked=True, one_click=fault, clock=clock_facts)


class _ClientAt(SmtpClient):
    """A client of a host whose address is known; its certificate has to be for its name."""

    def __init__(self, interrupt: Interrupt, host: MailHost, port: int, **options: Any) -> None:
        self._address = host.addresses[0]
        super().__init__(interrupt, host.name, port, **options)

    def _get_socket(self, _host: str, port: int, timeout: float) -> Any:
        return super()._get_socket(self._address, port, timeout)


def _secured(client: SmtpClient, host: MailHost, tls: ssl.SSLContext) -> MailHost:
    client.ehlo_or_helo_if_needed()
    if not client.has_extn("starttls"):
        return host
    try:
        client.starttls(context=tls)
    except ssl.SSLCertVerificationError as error:
        return replace(host, has_starttls=True, certificate_fault=error.verify_message)
    except smtplib.SMTPResponseException as error:
        return replace(host, has_starttls=True, tls_fault=_reason(error))
    except _FAULTS as error:
        return replace(host, has_starttls=True, tls_fault=_reason(tls_trust.tls_failed(error)))
    return replace(host, has_starttls=True)


def _reason(error: Exception) -> str:
    """What an error says, without its number."""
    return _ERRNO.sub("", smtplib_client.error_text(error))


def _time_in(host: str, words: str, now: datetime) -> ClockFacts | None:
    found = _DATE.search(words)
    try:
        its_time = parsedate_to_datetime(found[0]) if found else None
    except ValueError:
        its_time = None
    return ClockFacts(host, now - its_time.astimezone(UTC)) if its_time else None


@contextmanager
def _in_time() -> Iterator[Interrupt]:
    """Cuts the conversation off at the end of its time; a time-out is for one reply, and a server may drip them."""
    interrupt = Interrupt()
    timer = threading.Timer(_PATIENCE, interrupt.trigger)
    timer.daemon = True
    timer.start()
    try:
        yield interrupt
    finally:
        timer.cancel()
