"""Whether a domain can get mail, asked of a DNS server of our own."""

import socketserver
import threading
from collections.abc import Iterator
from typing import ClassVar

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from newsletter.config import Settings
from newsletter.outbound import domain_lookup

RECORDS = {
    ("mx.example.", "MX"): "10 mail.mx.example.",
    ("host.example.", "A"): "192.0.2.1",
    ("six.example.", "AAAA"): "2001:db8::1",
    ("null.example.", "MX"): "0 .",
    ("txt.example.", "TXT"): '"nothing else"',
}
KNOWN = {name for name, _ in RECORDS}


class Zone(socketserver.BaseRequestHandler):
    asked: ClassVar[list[str]] = []

    def handle(self) -> None:
        packet, socket = self.request
        query = dns.message.from_wire(packet)
        [question] = query.question
        name, kind = question.name.to_text().lower(), question.rdtype.name
        self.asked.append(name)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if name == "broken.example.":
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in KNOWN:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif record := RECORDS.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, record))
        socket.sendto(answer.to_wire(), self.client_address)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Zone) as udp:
        threading.Thread(target=udp.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{udp.server_address[1]}"
        udp.shutdown()


@pytest.mark.parametrize(
    ("host", "exists"),
    [
        ("mx.example", True),
        ("host.example", True),
        ("six.example", True),
        ("null.example", False),
        ("txt.example", False),
        ("gone.example", False),
        ("broken.example", None),
    ],
)
def test_only_a_domain_that_the_dns_says_gets_no_mail_is_gone(server: str, host: str, exists: bool | None) -> None:
    assert domain_lookup.open_lookup(server)(host) is exists


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("system", []),
        ("192.0.2.53", [("192.0.2.53", 53)]),
        ("127.0.0.1:5353, [2001:db8::53]", [("127.0.0.1", 5353), ("2001:db8::53", 53)]),
        ("[2001:db8::53]:5300", [("2001:db8::53", 5300)]),
    ],
)
def test_name_servers_are_written_like_this(text: str, servers: list[tuple[str, int]]) -> None:
    assert domain_lookup.parse_servers(text) == servers


@pytest.mark.parametrize(
    "text", ["dns.example", "192.0.2.999", "192.0.2.53:0", "192.0.2.53:70000", "192.0.2.53,", "::1"]
)
def test_anything_else_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no name server|has no port"):
        Settings(_env_file=None, dns_resolver=text)
