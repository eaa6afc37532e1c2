"""Where a request came from, as exactly as its use needs and no more."""

import hashlib
import hmac
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from newsletter.audience.services import AudienceServices

_SHARED_V4 = 24
_SHARED_V6 = 48
# One customer of an access provider usually holds a whole /64 (RFC 6177), so one address there means nothing.
_ONE_CLIENT_V6 = 64


def consent_origin(services: AudienceServices, client: str | None) -> str | None:
    """What the proof of consent keeps: a network, a keyed hash or nothing; None for what is no address."""
    address = _parse(client)
    if address is None or services.origin_policy == "none":
        return None
    if services.origin_policy == "hashed":
        return keyed_digest(services, str(address))
    return _network(address, _SHARED_V4 if address.version == 4 else _SHARED_V6)


def one_client(client: str | None) -> str | None:
    """What counts as one client: an IPv4 address or an IPv6 /64; None for what is no address."""
    address = _parse(client)
    if address is None:
        return None
    return str(address) if address.version == 4 else _network(address, _ONE_CLIENT_V6)


def keyed_digest(services: AudienceServices, text: str) -> str:
    """A keyed hash of 64 characters: the same for the same text, and no way back without the key."""
    return hmac.new(services.origin_key, text.encode(), hashlib.sha256).hexdigest()


def _parse(client: str | None) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address((client or "").strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _network(address: IPv4Address | IPv6Address, prefix: int) -> str:
    # By number, because a zone index ("%eth0") is no part of a network.
    return str(ip_network((int(address), address.max_prefixlen), strict=True).supernet(new_prefix=prefix))
