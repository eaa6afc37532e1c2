"""The DNS client: asks the name servers of DNS_RESOLVER, or the machine's own, within a deadline (dnspython)."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from newsletter.characters import as_text

SYSTEM = "system"
_SERVER = re.compile(r"\[(?P<six>[0-9a-fA-F:]+)\](?::(?P<port6>\d{1,5}))?|(?P<four>[0-9.]+)(?::(?P<port4>\d{1,5}))?")
_PORT = 53
# Seconds for one question, all servers and tries together.
_PATIENCE = 5.0

Server = tuple[str, int]


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """What the DNS says to one question: the records as text, none, or a fault where it did not say."""

    values: tuple[str, ...] = ()
    is_name: bool = True
    """Whether the name is in the DNS, with this kind of record or with another."""
    fault: str = ""
    """Why there is no answer; it completes a sentence about the name."""


Ask = Callable[[str, str], DnsAnswer]
"""Asks for the records of a name and of a kind, such as `TXT`; never raises."""


def parse_servers(text: str) -> list[Server]:
    """DNS_RESOLVER: `192.0.2.53, [2001:db8::53]:5353`; none for `system`. ValueError, saying how to write it."""
    if text == SYSTEM:
        return []
    return [_server(item.strip()) for item in text.split(",")]


def open_client(text: str, *, within: float | None = None) -> Ask:
    """A client of these name servers; all its questions together take at most `within` seconds, if that is given.

    The same question is asked once; it may be called from several threads.
    """
    # Imported here, so that only a process that asks loads the library.
    from dns import resolver

    servers = parse_servers(text)
    try:
        client = resolver.Resolver(configure=not servers)
    except resolver.NoResolverConfiguration:
        return lambda _name, _kind: DnsAnswer(fault="cannot be looked up: this machine names no DNS server")
    if servers:
        client.nameservers = [address for address, _ in servers]
        client.nameserver_ports = dict(servers)
    until = None if within is None else time.monotonic() + within
    known: dict[tuple[str, str], DnsAnswer] = {}
    lock = threading.Lock()

    def ask(name: str, kind: str) -> DnsAnswer:
        question = name.lower().rstrip("."), kind
        if question in known:
            return known[question]
        left = _PATIENCE if until is None else min(_PATIENCE, until - time.monotonic())
        answer = _resolve(client, *question, left) if left > 0 else DnsAnswer(fault="was not looked up in time")
        with lock:
            return known.setdefault(question, answer)

    return ask


def _resolve(client: Any, name: str, kind: str, seconds: float) -> DnsAnswer:
    from dns import exception, resolver

    try:
        # Over UDP first, and over TCP where the answer did not fit (RFC 7766).
        found = client.resolve(f"{name}.", kind, search=False, lifetime=seconds)
    except resolver.NoAnswer:
        return DnsAnswer()
    except resolver.NXDOMAIN:
        return DnsAnswer(is_name=False)
    except exception.Timeout:
        return DnsAnswer(fault="is not answered for by its name servers in time")
    except resolver.NoNameservers:
        return DnsAnswer(fault="cannot be looked up: its name servers fail, or its DNSSEC signatures do (SERVFAIL)")
    except (exception.DNSException, OSError, UnicodeError) as error:
        return DnsAnswer(fault=f"cannot be looked up ({type(error).__name__})")
    return DnsAnswer(tuple(map(_as_text, found)))


def _as_text(record: Any) -> str:
    """A record as plain text; the strings of a TXT record joined, as all that is kept in them asks."""
    if hasattr(record, "strings"):
        # Anybody writes there what they like, such as what a terminal obeys.
        return as_text(b"".join(record.strings).decode("ascii", "backslashreplace"))
    text = str(record)
    # A lone dot is the root, as in a null MX.
    return text if text.endswith(" .") else text.removesuffix(".")


def _server(text: str) -> Server:
    found = _SERVER.fullmatch(text)
    try:
        address = str(ip_address((found["six"] or found["four"]) if found else ""))
    except ValueError:
        raise ValueError(f"“{text}” is no name server; write 192.0.2.53, [2001:db8::53]:5353, or {SYSTEM}") from None
    port = int((found["port6"] or found["port4"] or _PORT) if found else _PORT)
    if not 0 < port < 65536:
        raise ValueError(f"“{text}” has no port between 1 and 65535")
    return address, port
