"""The SSRF guard: which URLs and addresses may be requested."""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import quote, urlsplit

import idna

Address = IPv4Address | IPv6Address

# Beyond what `is_global` knows: the IANA registries of special addresses, whatever Python's version, forms that
# hold another address in them, and the one public address behind which a cloud keeps its machines' secrets.
_CLOSED = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
            *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
            *("::/96", "::ffff:0:0/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16"),
            *("3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
        ),
    )
)
_NAT64 = ip_network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443}
_PLAIN_URL = re.compile(r"[^\x00-\x20\x7f\\]+")
# What system resolvers take for an IPv4 address beside the usual form: 2130706433, 0x7f.1, 0177.0.0.1, 127.1
_NUMERIC = re.compile(r"(?:.*\.)?(?:0x[0-9a-f]*|[0-9]+)\.?", re.IGNORECASE)


class Unreachable(Exception):
    """There is no answer; the message gives the reason, to complete a sentence that begins with the URL."""


class Forbidden(Unreachable):
    """The URL may not be requested."""


@dataclass(frozen=True, slots=True)
class Place:
    """The parts of a URL that may be requested."""

    url: str
    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port, without the default port, as in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def take_apart(url: str) -> Place:
    """The parts of a URL; Forbidden if it is not a plain web URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise Forbidden("is not a web address") from None
    if not parts.hostname or not _PLAIN_URL.fullmatch(url):
        raise Forbidden("is not a web address")
    if parts.username is not None or parts.password is not None:
        raise Forbidden("contains a user name or password")
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~")
    query = f"?{quote(parts.query, safe='/%:@!$&()*+,;=-._~?')}" if parts.query else ""
    return Place(url, parts.scheme, _host(parts.hostname), port, target + query)


def _host(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        pass
    if _NUMERIC.fullmatch(name) or "%" in name or ":" in name:
        raise Forbidden("names its host by a disguised number")
    try:
        return idna.encode(name.rstrip("."), uts46=True).decode()
    except idna.IDNAError:
        raise Forbidden("has an invalid host name") from None


def is_open(address: Address) -> bool:
    """Whether this is a public address that does not belong to this machine."""
    if isinstance(address, IPv6Address) and address in _NAT64:
        return is_open(IPv4Address(int(address) & 0xFFFF_FFFF))
    special = any(address in network for network in _CLOSED if network.version == address.version)
    return address.is_global and not special and not _is_ours(address)


def _is_ours(address: Address) -> bool:
    """Whether this machine has that address: only then can a socket be bound to it."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
