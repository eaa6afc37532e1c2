"""Client addresses, shortened or hashed to what each use needs."""

import hmac
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from newsletter.audience.services import AudienceServices

_SHARED_V4 = 24
_SHARED_V6 = 48
# One customer of an internet provider usually holds a whole /64 (RFC 6177), so addresses within it are one client.
_ONE_CLIENT_V6 = 64


def consent_origin(services: AudienceServices, client: str | None) -> str | None:
    """What a consent event stores, as CONSENT_ORIGIN says: a network, the address, a keyed hash, or nothing (None)."""
    address = _parse(client)
    if address is None or services.origin_policy == "none":
        return None
    if services.origin_policy == "hashed":
        return keyed_digest(services, str(address))
    if services.origin_policy == "full":
        # Without a zone index ("%eth0"), which is no part of the address.
        return _network(address, address.max_prefixlen).partition("/")[0]
    return _shared_network(address)


def logged_origin(services: AudienceServices, client: str | None) -> str | None:
    """What logs may tell of a client: the same, but only the network where a consent event has the whole address."""
    address = _parse(client)
    if address is None or services.origin_policy != "full":
        return consent_origin(services, client)
    return _shared_network(address)


def one_client(client: str | None) -> str | None:
    """The unit that limits count by: an IPv4 address or an IPv6 /64; None for an invalid address."""
    address = _parse(client)
    if address is None:
        return None
    return str(address) if address.version == 4 else _network(address, _ONE_CLIENT_V6)


def keyed_digest(services: AudienceServices, text: str) -> str:
    """A keyed hash (HMAC-SHA256) of 64 hexadecimal characters, irreversible without the key."""
    return hmac.digest(services.origin_key, text.encode(), "sha256").hex()


@lru_cache(maxsize=64)  # several parts of a request ask for the same address
def _parse(client: str | None) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address((client or "").strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _shared_network(address: IPv4Address | IPv6Address) -> str:
    return _network(address, _SHARED_V4 if address.version == 4 else _SHARED_V6)


def _network(address: IPv4Address | IPv6Address, prefix: int) -> str:
    # By number, because a zone index ("%eth0") is no part of a network.
    network = IPv4Network if address.version == 4 else IPv6Network
    return str(network((int(address), prefix), strict=False))
