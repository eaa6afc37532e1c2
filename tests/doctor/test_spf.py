"""SPF records: what they say of an address, and what makes them void. The DNS is a table."""

from ipaddress import ip_address

import pytest

from newsletter.doctor import spf
from newsletter.doctor.spf import SpfResult
from newsletter.outbound.dns_client import DnsAnswer

ZONE = {
    ("host.example", "A"): ("192.0.2.10",),
    ("host.example", "AAAA"): ("2001:db8::10",),
    ("good.example", "A"): ("192.0.2.1",),
    ("good.example", "MX"): ("10 host.example",),
    ("relay.example", "TXT"): ("v=spf1 ip4:198.51.100.0/24 -all",),
    ("loop.example", "TXT"): ("v=spf1 include:pool.example -all",),
    ("pool.example", "TXT"): ("v=spf1 include:loop.example -all",),
    ("bare.example", "TXT"): ("some other text",),
    ("twice.example", "TXT"): ("v=spf1 -all", "v=spf1 ~all"),
    ("busy.example", "MX"): tuple(f"{at} host.example" for at in range(11)),
    **{
        (f"n{at}.example", "TXT"): (f"v=spf1 include:n{at + 1}.example include:n{at + 2}.example -all",)
        for at in range(60)
    },
}


def read(text: str) -> spf.SpfRecord:
    zone = {**ZONE, ("tested.example", "TXT"): (text,), ("tested.example", "A"): ("192.0.2.7",)}
    return spf.read_record(lambda name, kind: DnsAnswer(zone.get((name, kind), ())), "tested.example")


@pytest.mark.parametrize(
    ("text", "address", "verdict"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.9", SpfResult.PASS),
        ("v=spf1 ip4:192.0.2.0/24 -all", "203.0.113.9", SpfResult.FAIL),
        ("v=spf1 ip6:2001:db8::/32 ~all", "2001:db8::5", SpfResult.PASS),
        ("v=spf1 ip6:2001:db8::/32 ~all", "192.0.2.9", SpfResult.SOFT_FAIL),
        ("v=spf1 a -all", "192.0.2.7", SpfResult.PASS),
        ("v=spf1 a/24 -all", "192.0.2.200", SpfResult.PASS),
        ("v=spf1 a:host.example -all", "2001:db8::10", SpfResult.PASS),
        ("v=spf1 a:host.example//64 -all", "2001:db8::99", SpfResult.PASS),
        ("v=spf1 mx:good.example -all", "192.0.2.10", SpfResult.PASS),
        ("V=SPF1 INCLUDE:relay.example -ALL", "198.51.100.7", SpfResult.PASS),
        # An include that says no is no match, and the record goes on.
        ("v=spf1 include:relay.example ?all", "192.0.2.9", SpfResult.NEUTRAL),
        ("v=spf1 redirect=relay.example", "198.51.100.7", SpfResult.PASS),
        ("v=spf1 redirect=relay.example a", "192.0.2.7", SpfResult.PASS),
        ("v=spf1 redirect=relay.example -all", "198.51.100.7", SpfResult.FAIL),
        ("v=spf1 -ip4:192.0.2.9 +all", "192.0.2.9", SpfResult.FAIL),
        ("v=spf1", "192.0.2.9", SpfResult.NEUTRAL),
        ("v=spf1 exists:%{i}.list.example -all", "192.0.2.9", SpfResult.UNKNOWN),
        ("v=spf1 exists:%{i}.list.example ip4:192.0.2.0/24 -all", "192.0.2.9", SpfResult.PASS),
        ("v=spf1 ip4:192.0.2.0/24 exists:%{i}.list.example -all", "192.0.2.9", SpfResult.PASS),
        ("v=spf1 unknown=modifier ip4:192.0.2.9 -all", "192.0.2.9", SpfResult.PASS),
    ],
)
def test_an_address_is_judged_as_the_standard_says(text: str, address: str, verdict: SpfResult) -> None:
    record = read(text)
    assert record.problems == ()
    assert record.verdict(ip_address(address)) is verdict


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("v=spf1 ipv4:192.0.2.1 -all", "“ipv4:192.0.2.1” in the record of tested.example is not SPF"),
        ("v=spf1 ip4:192.0.2.999 -all", "“ip4:192.0.2.999” in the record of tested.example is not an address"),
        ("v=spf1 ip4:2001:db8::1 -all", "“ip4:2001:db8::1” in the record of tested.example is not an address"),
        ("v=spf1 a:host.example/33 -all", "“a:host.example/33” in the record of tested.example is not SPF"),
        ("v=spf1 include:bare.example -all", "bare.example, which it includes, has no SPF record"),
        ("v=spf1 include:twice.example -all", "twice.example has 2 SPF records, and may have one"),
        ("v=spf1 include:tested.example -all", "tested.example includes tested.example, which includes it in turn"),
        ("v=spf1 include:loop.example -all", "pool.example includes loop.example, which includes it in turn"),
        ("v=spf1 ip4:192.0.2.9 -all:x", "“-all:x” in the record of tested.example is not SPF"),
        ("v=spf1 exists -all", "“exists” in the record of tested.example is not SPF"),
        ("v=spf1 ip4 -all", "“ip4” in the record of tested.example is not SPF"),
        ("v=spf1 redirect=relay.example redirect=relay.example", "the record of tested.example has redirect or exp tw"),
        ("v=spf1 mx:busy.example -all", "busy.example has 11 mail servers, and at most 10 may be asked"),
        ("v=spf1 exists:x.example exists:y.example exists:z.example -all", "3 of its names are not in the DNS, and"),
        ("v=spf1 include -all", "an include in the record of tested.example names no domain"),
        ("v=spf1 a:x.example a:y.example a:z.example -all", "3 of its names are not in the DNS, and at most 2 may be"),
        ("v=spf1 " + "a:host.example " * 11 + "-all", "it needs 11 DNS lookups, and at most 10 are made"),
    ],
)
def test_one_fault_anywhere_makes_a_record_void(text: str, problem: str) -> None:
    record = read(text)
    assert any(found.startswith(problem) for found in record.problems), record.problems
    assert record.verdict(ip_address("192.0.2.9")) is SpfResult.UNKNOWN


def test_a_record_that_would_go_on_for_ever_is_left_soon() -> None:
    asked = []

    def ask(name: str, kind: str) -> DnsAnswer:
        asked.append(name)
        return DnsAnswer(ZONE.get((name, kind), ()))

    assert any("DNS lookups" in problem for problem in spf.read_record(ask, "n0.example").problems)
    assert len(asked) < 40


@pytest.mark.parametrize(
    ("text", "sign"),
    [("v=spf1 -all", "-"), ("v=spf1 all", "+"), ("v=spf1 a", ""), ("v=spf1 redirect=relay.example", "-")],
)
def test_how_a_record_ends_is_told_through_a_redirect(text: str, sign: str) -> None:
    assert read(text).ends_in == sign


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        ("v=spf1 ip4:192.0.2.9 -all include:bare.example exp=x.example", ("include:bare.example",)),
        ("v=spf1 ip4:192.0.2.9 redirect=bare.example ~all", ("redirect=bare.example",)),
        (
            "v=spf1 ip4:192.0.2.9 ~ALL a:x.example a:y.example a:z.example",
            ("a:x.example", "a:y.example", "a:z.example"),
        ),
        ("v=spf1 ip4:192.0.2.9 -all +all", ("+all",)),
    ],
)
def test_what_stands_behind_all_is_read_by_nobody_and_makes_nothing_void(text: str, ignored: tuple[str, ...]) -> None:
    record = read(text)
    assert (record.ignored, record.problems, record.lookups) == (ignored, (), 0)
    assert record.verdict(ip_address("192.0.2.9")) is SpfResult.PASS


def test_names_that_the_dns_does_not_answer_for_are_not_called_missing() -> None:
    def ask(name: str, _kind: str) -> DnsAnswer:
        text = "v=spf1 a:x.example a:y.example a:z.example -all"
        return DnsAnswer((text,)) if name == "tested.example" else DnsAnswer(fault="is not answered for")

    assert spf.read_record(ask, "tested.example").problems == ()


@pytest.mark.parametrize("term", ["include:mute.example", "a:mute.example", "mx:mute.example", "redirect=mute.example"])
def test_what_depends_on_a_name_that_the_dns_does_not_answer_for_is_not_judged(term: str) -> None:
    def ask(name: str, _kind: str) -> DnsAnswer:
        text = f"v=spf1 ip4:192.0.2.1 {term}{'' if '=' in term else ' -all'}"
        return DnsAnswer((text,)) if name == "tested.example" else DnsAnswer(fault="is not answered for")

    record = spf.read_record(ask, "tested.example")
    assert record.verdict(ip_address("192.0.2.9")) is SpfResult.UNKNOWN
    assert record.verdict(ip_address("192.0.2.1")) is SpfResult.PASS
    [said] = record.unanswered
    assert said.startswith("mute.example, which it ")
    assert record.voids == 0
