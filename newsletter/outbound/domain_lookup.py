"""Asks the DNS whether a domain can get mail at all, by the servers that DNS_RESOLVER names (dnspython)."""

import re
from collections.abc import Callable
from ipaddress import ip_address

SYSTEM = "system"
_SERVER = re.compile(r"\[(?P<six>[0-9a-fA-F:]+)\](?::(?P<port6>\d{1,5}))?|(?P<four>[0-9.]+)(?::(?P<port4>\d{1,5}))?")
_PORT = 53
# Seconds for one question, all servers and tries together.
_PATIENCE = 5.0

Server = tuple[str, int]


def parse_servers(text: str) -> list[Server]:
    """DNS_RESOLVER: `192.0.2.53, [2001:db8::53]:5353`; none for `system`. ValueError, saying how to write it."""
    if text == SYSTEM:
        return []
    return [_server(item.strip()) for item in text.split(",")]


def open_lookup(text: str) -> Callable[[str], bool | None]:
    """What says whether a domain can get mail; None where the DNS does not say."""
    # Only a process that asks pays for the library.
    from dns import exception, resolver

    servers = parse_servers(text)
    client = resolver.Resolver(configure=not servers)
    client.lifetime = _PATIENCE
    if servers:
        client.nameservers = [address for address, _ in servers]
        client.nameserver_ports = dict(servers)

    def has(host: str, kind: str) -> bool:
        try:
            answers = client.resolve(host, kind, search=False)
        except resolver.NoAnswer:
            return False
        # A null MX says that the domain takes no mail (RFC 7505).
        return any(kind != "MX" or str(answer.exchange) != "." for answer in answers)

    def exists(host: str) -> bool | None:
        try:
            # Without an MX the host's own addresses are where its mail goes (RFC 5321, 5.1).
            return any(has(host, kind) for kind in ("MX", "A", "AAAA"))
        except resolver.NXDOMAIN:
            return False
        except exception.DNSException:
            return None

    return exists


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
