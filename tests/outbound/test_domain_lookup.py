"""Whether a domain can get mail, asked of a DNS server of our own."""

from collections.abc import Iterator

import pytest

from newsletter.config import Settings
from newsletter.outbound import dns_client, domain_lookup
from newsletter.outbound.dns_client import DnsAnswer
from tests import dns_server
from tests.dns_server import DnsServer

RECORDS = {
    ("mx.example", "MX"): "10 mail.mx.example.",
    ("host.example", "A"): "192.0.2.1",
    ("six.example", "AAAA"): "2001:db8::1",
    ("null.example", "MX"): "0 .",
    ("txt.example", "TXT"): "nothing else",
}


@pytest.fixture(scope="module")
def server() -> Iterator[DnsServer]:
    with dns_server.running(RECORDS) as running:
        running.faults |= {"broken.example": dns_server.SERVFAIL, "silent.example": dns_server.SILENCE}
        yield running


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
def test_only_a_domain_that_the_dns_says_gets_no_mail_is_gone(
    server: DnsServer, host: str, exists: bool | None
) -> None:
    assert domain_lookup.open_lookup(server.address)(host) is exists


def test_a_name_server_that_fails_is_told_in_words_of_the_dns(server: DnsServer) -> None:
    fault = dns_client.open_client(server.address)("broken.example", "TXT").fault
    assert fault == "cannot be looked up: its name servers fail, or its DNSSEC signatures do (SERVFAIL)"


def test_all_strings_of_a_long_text_are_joined_over_tcp_where_udp_cannot_hold_them(server: DnsServer) -> None:
    long = "v=spf1 " + "ip4:192.0.2.1 " * 3000 + "~all"
    server.add({("long.example", "TXT"): long})
    server.faults["long.example"] = dns_server.TRUNCATED
    assert dns_client.open_client(server.address)("long.example", "TXT") == DnsAnswer((long,))
    assert {transport for name, _, transport in server.asked if name == "long.example"} == {"udp", "tcp"}


def test_a_record_is_plain_text_whatever_stands_in_it(server: DnsServer) -> None:
    server.add({("odd.example", "TXT"): "v=DKIM1;\tp=\x1b[31mAAAA\x00"})
    assert dns_client.open_client(server.address)("odd.example", "TXT") == DnsAnswer(("v=DKIM1; p= [31mAAAA ",))


def test_an_alias_is_followed_and_a_circle_of_them_is_no_answer(server: DnsServer) -> None:
    server.add({("alias.example", "CNAME"): "txt.example.", ("a.example", "CNAME"): "b.example."})
    server.add({("b.example", "CNAME"): "a.example."})
    ask = dns_client.open_client(server.address)
    assert ask("alias.example", "TXT").values == ("nothing else",)
    assert not ask("a.example", "TXT").values
    assert ask("a.example", "TXT").fault


def test_all_questions_together_end_in_time(server: DnsServer) -> None:
    ask = dns_client.open_client(server.address, within=0.3)
    assert ask("silent.example", "TXT").fault == "is not answered for by its name servers in time"
    assert ask("mx.example", "MX").fault == "was not looked up in time"


def test_the_same_question_is_asked_once(server: DnsServer) -> None:
    ask = dns_client.open_client(server.address)
    server.asked.clear()
    assert ask("MX.example", "MX") is ask("mx.example.", "MX")
    assert len(server.asked) == 1


@pytest.mark.parametrize("name", ["", "a" * 64 + ".example", "two..dots.example", "\udcff.example", "mail\\.example"])
def test_what_cannot_be_a_name_is_a_fault_and_no_error(server: DnsServer, name: str) -> None:
    assert not dns_client.open_client(server.address)(name, "A").values


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
    assert dns_client.parse_servers(text) == servers


@pytest.mark.parametrize(
    "text", ["dns.example", "192.0.2.999", "192.0.2.53:0", "192.0.2.53:70000", "192.0.2.53,", "::1"]
)
def test_anything_else_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no name server|has no port"):
        Settings(_env_file=None, dns_resolver=text)
