"""Gathers what the DNS says of the senders, of the return path and of this machine; everything at once, in threads."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_address

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from newsletter.addresses import freemail, mailboxes
from newsletter.delivery.message.dkim import SigningKey
from newsletter.doctor import dmarc, spf
from newsletter.doctor.facts import AddressFacts, EnvelopeFacts, KeyFacts, ReportAddress, SenderFacts
from newsletter.outbound.dns_client import Ask

_AT_ONCE = 16
_MOST_REPORTS = 4


@dataclass(frozen=True, slots=True)
class Questions:
    """What is to be looked up: the addresses in From, the keys, the return path, and the name we greet with."""

    senders: Sequence[str]
    keys: Sequence[SigningKey]
    selectors: Sequence[str]
    return_path: str = ""
    helo: str = ""
    sends_itself: bool = False
    """Whether mail leaves from this machine's own address."""


@dataclass(frozen=True, slots=True)
class DnsAnswers:
    """What the DNS said."""

    senders: tuple[SenderFacts, ...]
    envelopes: tuple[EnvelopeFacts, ...]
    own_addresses: tuple[AddressFacts, ...]


def gather_dns(ask: Ask, questions: Questions) -> DnsAnswers:
    """Ask all of it; returns when the client's time is over, at the latest."""
    by_domain = {mailboxes.host_of(address.rpartition("@")[2]): address for address in questions.senders}
    envelopes = [questions.return_path] if questions.return_path else list(by_domain)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        senders = [threads.submit(_sender, ask, questions, *each) for each in by_domain.items()]
        bounced = [threads.submit(_envelope, ask, domain, is_own=bool(questions.return_path)) for domain in envelopes]
        own = threads.submit(_own_addresses, ask, questions.helo) if questions.sends_itself else None
        return DnsAnswers(
            tuple(each.result() for each in senders),
            tuple(each.result() for each in bounced),
            own.result() if own else (),
        )


def _sender(ask: Ask, questions: Questions, domain: str, address: str) -> SenderFacts:
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        walk = threads.submit(dmarc.walk_up, ask, domain)
        record = threads.submit(spf.read_record, ask, domain)
        bimi = threads.submit(ask, f"default._bimi.{domain}", "TXT")
        theirs = [key for key in questions.keys if key.domain == domain]
        keys = tuple(threads.map(partial(_key, ask, questions.selectors), theirs))
        return SenderFacts(
            domain=domain,
            address=address,
            dmarc=walk.result(),
            spf=record.result(),
            keys=keys,
            reports=tuple(_reports(ask, walk.result().policy)),
            bimi=bimi.result(),
            free_mail=freemail.warning(address),
        )


def _key(ask: Ask, selectors: Sequence[str], key: SigningKey) -> KeyFacts:
    bits = key.private.key_size if isinstance(key.private, RSAPrivateKey) else 256
    published = ask(key.record.name, "TXT")
    return KeyFacts(key.selector, key.algorithm, bits, key.selector in selectors, key.record, published)


def _reports(ask: Ask, policy: dmarc.Policy | None) -> Iterable[ReportAddress]:
    if policy is None:
        return
    uris = [uri.strip() for uri in policy.tags.get("rua", "").split(",")]
    domains = [mailboxes.host_of(uri.partition("!")[0].rpartition("@")[2]) for uri in uris if "@" in uri]
    for domain in list(dict.fromkeys(domains))[:_MOST_REPORTS]:
        # Below one's own name no permission is needed (RFC 9990, 4).
        if domain != policy.domain and not f"{domain}.".endswith(f".{policy.domain}."):
            organization = dmarc.walk_up(ask, domain).organizational_domain
            if organization != dmarc.walk_up(ask, policy.domain).organizational_domain:
                yield ReportAddress(domain, ask(f"{policy.domain}._report._dmarc.{domain}", "TXT"))


def _envelope(ask: Ask, domain: str, *, is_own: bool) -> EnvelopeFacts:
    with ThreadPoolExecutor(3) as threads:
        record = threads.submit(spf.read_record, ask, domain)
        organization = threads.submit(lambda: dmarc.walk_up(ask, domain).organizational_domain)
        addresses = tuple(map(str, spf.host_addresses(ask, domain)))
        mx = ask(domain, "MX")
        if not (mx.values or addresses):
            # Without an MX, mail goes to the addresses; unless the DNS says what they are, nothing is missing.
            mx = replace(mx, fault=mx.fault or spf.address_fault(ask, domain))
        return EnvelopeFacts(domain, record.result(), organization.result(), is_own, mx, addresses)


def _own_addresses(ask: Ask, helo: str) -> tuple[AddressFacts, ...]:
    addresses = map(str, spf.host_addresses(ask, helo)) if helo else ()
    return tuple(_address(ask, address) for address in addresses)


def _address(ask: Ask, address: str) -> AddressFacts:
    names = ask(ip_address(address).reverse_pointer, "PTR")
    back = tuple(name for name in names.values if ip_address(address) in spf.host_addresses(ask, name))
    fault = next(filter(None, (spf.address_fault(ask, name) for name in names.values)), "")
    return AddressFacts(address, names, back, fault)
