"""Asks the DNS whether a domain can get mail at all."""

from collections.abc import Callable

from newsletter.outbound import dns_client
from newsletter.outbound.dns_client import DnsAnswer


def open_lookup(servers: str) -> Callable[[str], bool | None]:
    """A function that says whether a domain can get mail, by these name servers; None where the DNS does not say."""
    # Not cached, because a domain may come back.
    return lambda host: domain_exists(dns_client.open_client(servers), host)


def domain_exists(ask: dns_client.Ask, host: str) -> bool | None:
    """Whether a domain can get mail; None where the DNS does not say."""
    # Without an MX the host's own addresses are where its mail goes (RFC 5321, 5.1).
    for kind in ("MX", "A", "AAAA"):
        answer = ask(host, kind)
        if answer.fault:
            return None
        if not answer.is_name:
            return False
        if _takes_mail(answer, kind):
            return True
    return False


def _takes_mail(answer: DnsAnswer, kind: str) -> bool:
    # A null MX says that the domain takes no mail (RFC 7505).
    return any(kind != "MX" or value.split()[-1] != "." for value in answer.values)
