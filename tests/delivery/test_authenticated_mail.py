"""DKIM, SPF and DMARC, as a receiver decides about them, by code that is not ours and the records of a real DNS server.

dkimpy checks the signatures; checkdmarc reads the records of SPF and DMARC. What is left for this file is to compare.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import dkim as dkimpy
import dns.resolver
import pytest
from test_compose import DATE, LINKS, Copy, letter, single
from test_dkim import ED25519, KEYS, RSA

from newsletter.delivery.message import compose
from tests import dns_server
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

OURS, ANOTHERS = "192.0.2.7", "203.0.113.7"
RETURN_PATH = "bounces.example.org"
RECORDS = {
    **{(key.record.name, "TXT"): key.record.value for key in (RSA, ED25519)},
    (RETURN_PATH, "TXT"): "v=spf1 include:_spf.example.org -all",
    ("_spf.example.org", "TXT"): "v=spf1 ip4:192.0.2.0/28 ip6:2001:db8::/32 ~all",
    ("_dmarc.example.org", "TXT"): "v=DMARC1; p=reject; adkim=s; aspf=r; rua=mailto:dmarc@example.org",
    ("example.org", "A"): "192.0.2.1",
}


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as a receiver gets it."""

    sender: str
    """In the envelope."""
    content: bytes
    client: str = OURS
    from_domain: str = "example.org"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A server that others' mail comes to."""

    resolver: dns.resolver.Resolver

    def verdicts(self, mail: Mail) -> tuple[bool, bool, bool]:
        """Whether DKIM, SPF and DMARC pass (RFC 6376, 7208, 9989)."""
        import checkdmarc.dmarc

        signed = {domain for domain, stands in self._signatures(mail.content) if stands}
        by_spf = mail.sender.rpartition("@")[2] if self._may_send(mail) else ""
        policy = checkdmarc.dmarc.check_dmarc(mail.from_domain, resolver=self.resolver, timeout=PATIENCE)
        assert policy["valid"], policy
        modes = {name: policy["tags"][name]["value"] for name in ("adkim", "aspf")}
        aligned = any(_is_aligned(each, mail.from_domain, modes["adkim"]) for each in signed)
        return bool(signed), bool(by_spf), aligned or _is_aligned(by_spf, mail.from_domain, modes["aspf"])

    def _signatures(self, content: bytes) -> Iterator[tuple[str, bool]]:
        for place in range(content.count(b"\r\nDKIM-Signature:") + content.startswith(b"DKIM-Signature:")):
            verifier = dkimpy.DKIM(content)
            try:
                stands = bool(verifier.verify(place, dnsfunc=self._text))
            except dkimpy.DKIMException:
                stands = False
            yield verifier.domain.decode(), stands

    def _text(self, name: bytes, **_timeout: object) -> bytes:
        (record,) = self.resolver.resolve(name.decode(), "TXT")
        return b"".join(cast("Any", record).strings)

    def _may_send(self, mail: Mail) -> bool:
        import checkdmarc.spf

        found = checkdmarc.spf.check_spf(mail.sender.rpartition("@")[2], resolver=self.resolver, timeout=PATIENCE)
        assert found["valid"], found
        return _passes(found["parsed"]["mechanisms"], mail.client)


def _passes(mechanisms: list[Mapping[str, Any]], client: str) -> bool:
    """Whether one of these mechanisms, each of which passes those it names, names the client."""
    address = ipaddress.ip_address(client)
    for one in mechanisms:
        assert one["action"] == "pass", one
        named = one["parsed"]["mechanisms"] if one["mechanism"] == "include" else []
        if _passes(named, client) if named else address in ipaddress.ip_network(one["value"]):
            return True
    return False


def _is_aligned(domain: str, from_domain: str, mode: str) -> bool:
    return domain == from_domain or (mode == "r" and domain.endswith(f".{from_domain}"))


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with dns_server.running(RECORDS) as server:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.lifetime = PATIENCE
        resolver.nameservers, resolver.port = ["127.0.0.1"], int(server.address.rpartition(":")[2])
        yield Receiver(resolver)


def copy_of_an_issue() -> Mail:
    template = compose.compile(letter(), LINKS, KEYS)
    return Mail(compose.envelope(template, Copy(), RETURN_PATH).sender, template.message(Copy(), DATE))


def single_letter() -> Mail:
    content = compose.transactional_message(single(), DATE, KEYS)
    return Mail(compose.transactional_envelope(single(), len(content), LINKS.seal, RETURN_PATH).sender, content)


@pytest.mark.parametrize("mail", [copy_of_an_issue(), single_letter()], ids=["issue", "single letter"])
@pytest.mark.parametrize(
    ("client", "is_changed", "verdicts"),
    [
        (OURS, False, (True, True, True)),
        (ANOTHERS, False, (True, False, True)),
        (OURS, True, (False, True, True)),
        (ANOTHERS, True, (False, False, False)),
    ],
    ids=["as it is sent", "forwarded", "changed on the way", "forged"],
)
def test_a_receiver_accepts_our_mail_for_ours_and_nobody_elses(
    receiver: Receiver, mail: Mail, client: str, is_changed: bool, verdicts: tuple[bool, bool, bool]
) -> None:
    assert mail.sender.endswith(f"@{RETURN_PATH}")
    content = mail.content + b"Buy this\r\n" if is_changed else mail.content
    assert receiver.verdicts(Mail(mail.sender, content, client)) == verdicts
