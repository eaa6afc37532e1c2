"""`newsletter doctor` on a good and on a broken domain, asked of a DNS server of our own."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter.delivery.message import dkim_keys
from newsletter.doctor import gather_hosts
from tests import dns_server
from tests.dns_server import DnsServer
from tests.ports import free_port

from .conftest import Press

Findings = list[dict[str, Any]]
Doctor = Callable[..., Findings]

SENDER = "letters@press.example"
REVERSE = "10.2.0.192.in-addr.arpa"


@pytest.fixture(autouse=True)
def no_mail_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens where the doctor looks for those that take bounces, and no answer comes too late."""
    dns_server.be_patient(monkeypatch)
    monkeypatch.setattr(gather_hosts, "SMTP_PORT", free_port())


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with dns_server.running() as running:
        yield running


@pytest.fixture
def doctor(loaded: Press, server: DnsServer) -> Doctor:
    """Runs `newsletter doctor --json` for a machine that sends by itself, and checks the exit code."""

    def run(**settings: str) -> Findings:
        usual = {
            "DNS_RESOLVER": server.address,
            "BULK_MAIL_DEFAULT_SENDER": f"Press <{SENDER}>",
            "BULK_MAIL_SERVER": "127.0.0.1",
            "BULK_MAIL_PORT": "9",
            "MAIL_HELO": "mail.press.example",
            "MAIL_RETURN_PATH_DOMAIN": "bounces.press.example",
        }
        answer = loaded("doctor", "--json", **{**usual, **settings})
        findings: Findings = json.loads(answer.out)
        assert answer.code == any(finding["level"] == "error" for finding in findings)
        return [finding for finding in findings if finding["area"] in AREAS]

    return run


AREAS = {"SPF", "DKIM", "DMARC", "Sending address", "Return path"}


@pytest.fixture(scope="module")
def made_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a key, which takes long to make."""
    return dkim_keys.create_key(tmp_path_factory.mktemp("keys"), "press.example", "press")


@pytest.fixture
def key(environment: dict[str, str], made_key: Path) -> dict[tuple[str, str], str]:
    """A key that signs for the sender's domain, and its record."""
    shutil.copytree(made_key.parent, Path(environment["DATA_DIR"], "dkim"))
    record = dkim_keys.read_key(made_key).record
    return {(record.name, "TXT"): record.value}


GOOD = {
    ("press.example", "TXT"): "v=spf1 ip4:192.0.2.10 -all",
    ("_dmarc.press.example", "TXT"): "v=DMARC1; p=reject; rua=mailto:dmarc@press.example",
    ("default._bimi.press.example", "TXT"): "v=BIMI1; l=https://press.example/logo.svg",
    ("bounces.press.example", "TXT"): "v=spf1 ip4:192.0.2.10 -all",
    ("bounces.press.example", "MX"): "10 mx.press.example.",
    ("mx.press.example", "A"): "127.0.0.1",
    ("mail.press.example", "A"): "192.0.2.10",
    (REVERSE, "PTR"): "mail.press.example.",
}


def of_sender(findings: Findings) -> Findings:
    """Without what is said of the sender that the shipped publication has."""
    return [finding for finding in findings if "press.example" in finding["about"] or "192.0.2" in finding["about"]]


def told(findings: Findings, rule: str) -> dict[str, Any]:
    [finding] = [one for one in of_sender(findings) if one["check"] == rule and one["level"] != "ok"]
    return finding


def test_a_good_domain_has_nothing_to_mend(doctor: Doctor, server: DnsServer, key: dict[tuple[str, str], str]) -> None:
    server.add({**GOOD, **key})
    findings = of_sender(doctor())
    assert [one for one in findings if one["level"] in {"error", "warning"}] == []
    said = " ".join(one["finding"] for one in findings)
    for words in (
        "SPF is published and valid, with 0 of at most 10 lookups",
        "mail from 192.0.2.10 passes SPF",
        "the record is that of the key press (rsa-sha256)",
        "the policy of press.example holds: “v=DMARC1; p=reject; rua=mailto:dmarc@press.example”",
        "SPF and DKIM are both aligned with the domain in From",
        "192.0.2.10 is mail.press.example, in both directions",
        "bounces go to mx.press.example",
    ):
        assert words in said, words


def test_a_broken_domain_is_told_each_record_to_add(
    doctor: Doctor, server: DnsServer, key: dict[tuple[str, str], str]
) -> None:
    server.add(
        {
            ("press.example", "A"): "192.0.2.1",
            ("mail.press.example", "A"): "192.0.2.10",
            (REVERSE, "PTR"): "host-10.provider.example.",
            ("host-10.provider.example", "A"): "192.0.2.99",
        }
    )
    findings = doctor()
    [(name, _), value] = next(iter(key.items()))
    wanted = told(findings, "each key is published")
    assert wanted["level"] == "error"
    assert wanted["record"]["name"] == name
    assert wanted["record"]["value"] == value
    assert f'"{value[:255]}" "{value[255:]}"' in wanted["record"]["zone_line"]
    lines = [one["record"]["zone_line"] for one in of_sender(findings) if one["level"] == "error" and one["record"]]
    assert 'bounces.press.example. IN TXT "v=spf1 ip4:192.0.2.10 ~all"' in lines
    assert '_dmarc.press.example. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@press.example"' in lines
    assert "bounces.press.example. IN MX 10 mail.press.example." in lines
    leads_nowhere = next(one for one in findings if one["check"] == "the address has a name that leads back")
    assert leads_nowhere["finding"] == "192.0.2.10 is called host-10.provider.example, which does not lead back to it"
    assert leads_nowhere["record"]["zone_line"] == "host-10.provider.example. IN A 192.0.2.10"


@pytest.mark.parametrize(
    ("changed", "rule", "level", "finding", "value"),
    [
        (
            {("bounces.press.example", "TXT"): "v=spf1 ip4:192.0.2.10 +all"},
            "the record says what of all others",
            "error",
            "the SPF record ends in +all: it lets the whole world send in your name",
            "v=spf1 ip4:192.0.2.10 ~all",
        ),
        (
            {("bounces.press.example", "TXT"): "v=spf1 ip4:203.0.113.1 -all"},
            "the mail server passes",
            "error",
            "mail from 192.0.2.10, this machine's address, does not pass SPF (fail)",
            "v=spf1 ip4:192.0.2.10 ip4:203.0.113.1 -all",
        ),
        (
            {("_dmarc.press.example", "TXT"): "v=DMARC1; p=reject; pct=0; ri=3600; rua=mailto:d@press.example"},
            "no tag is of the old standard",
            "warning",
            "the record has tags that are no longer part of DMARC: pct, ri",
            "v=DMARC1; p=reject; rua=mailto:d@press.example; t=y",
        ),
        (
            {("_dmarc.press.example", "TXT"): "v=DMARC1; p=none; rua=mailto:d@press.example"},
            "the policy is enforced",
            "hint",
            "the policy is none, so forged mail is let through",
            "v=DMARC1; p=quarantine; rua=mailto:d@press.example",
        ),
        (
            {("_dmarc.press.example", "TXT"): "v=DMARC1; p=reject; rua=mailto:d@reports.example"},
            "reports arrive",
            "warning",
            "reports.example does not say that it takes the reports about press.example",
            "v=DMARC1",
        ),
        (
            {
                ("bounces.press.example", "TXT"): "v=spf1 redirect=spf.press.example",
                ("spf.press.example", "TXT"): "v=spf1 ip4:192.0.2.10 ?all",
            },
            "the record says what of all others",
            "warning",
            "the SPF record does not end in ~all or -all, so it refuses nobody",
            "v=spf1 ip4:192.0.2.10 ~all",
        ),
        (
            {("bounces.press.example", "TXT"): "v=spf1 ip4:192.0.2.10 -all include:late.example redirect=x.example"},
            "all of the record is read",
            "warning",
            "no receiver reads “include:late.example redirect=x.example” in the SPF record, because of all",
            "v=spf1 ip4:192.0.2.10 include:late.example -all",
        ),
        (
            {("bounces.press.example", "TXT"): "v=spf1 exists:%{i}.list.example -all"},
            "the mail server passes",
            "warning",
            "whether mail from 192.0.2.10, this machine's address, passes SPF depends on more than the address",
            "v=spf1 ip4:192.0.2.10 exists:%{i}.list.example -all",
        ),
        (
            {("_dmarc.press.example", "TXT"): [], ("_dmarc.example", "TXT"): "v=DMARC1; p=reject; psd=y"},
            "the domain in from has a policy",
            "warning",
            "there is no DMARC record but that of the registry above it",
            "v=DMARC1; p=none; rua=mailto:dmarc@press.example",
        ),
        (
            {("_dmarc.press.example", "TXT"): "v=DMARC1; p=reject; psd=y; rua=mailto:d@press.example"},
            "the policy can be read",
            "warning",
            "psd=y says that this is a registry's domain, so nothing below it is aligned with it",
            "v=DMARC1; p=reject; rua=mailto:d@press.example",
        ),
        (
            {("_dmarc.press.example", "TXT"): "v=DMARC1; p=reject; rua="},
            "reports arrive",
            "hint",
            "nobody gets the reports of receivers",
            "v=DMARC1; p=reject; rua=mailto:dmarc@press.example",
        ),
        (
            {("bounces.press.example", "MX"): "10 192.0.2.10."},
            "bounces find their way",
            "error",
            "the MX names 192.0.2.10, and has to name a host, so no bounce arrives",
            "10 mail.press.example.",
        ),
        (
            {("bounces.press.example", "MX"): "0 ."},
            "bounces find their way",
            "error",
            "the domain says that it takes no mail (a null MX)",
            "10 mail.press.example.",
        ),
    ],
)
def test_one_fault_is_told_with_what_to_publish_instead(
    doctor: Doctor,
    server: DnsServer,
    key: dict[tuple[str, str], str],
    changed: dict[tuple[str, str], str | list[str]],
    rule: str,
    level: str,
    finding: str,
    value: str,
) -> None:
    server.add({**GOOD, **key, **changed})
    found = told(doctor(), rule)
    assert (found["level"], found["finding"], found["record"]["value"]) == (level, finding, value)
    assert found["reason"]


@pytest.mark.parametrize(
    ("value", "finding"),
    [
        ("v=DKIM1; k=rsa; p=", "the record says that this key was revoked (p is empty)"),
        ("v=DKIM1; k=rsa; p=AAAA", "the record has another public key than the one here, so every signature fails"),
        ("v=DKIM1; k=ed25519; p=AAAA", "the record is of a key of another kind (k=ed25519)"),
    ],
)
def test_a_record_that_is_not_of_the_key_here_is_an_error(
    doctor: Doctor, server: DnsServer, key: dict[tuple[str, str], str], value: str, finding: str
) -> None:
    server.add({**GOOD, **dict.fromkeys(key, value)})
    assert told(doctor(), "each key is published")["finding"] == finding


def test_a_name_server_that_fails_is_a_warning_and_says_nothing_of_the_records(
    doctor: Doctor, server: DnsServer, key: dict[tuple[str, str], str]
) -> None:
    server.add({**GOOD, **key})
    for name in ("bounces.press.example", "_dmarc.press.example", next(iter(key))[0]):
        server.faults[name] = dns_server.SERVFAIL
    findings = of_sender(doctor())
    assert [one["finding"] for one in findings if one["level"] == "error"] == []
    assert len([one for one in findings if one["level"] == "warning"]) >= 3


def test_what_depends_on_a_name_server_that_fails_is_not_called_wrong(
    doctor: Doctor, server: DnsServer, key: dict[tuple[str, str], str]
) -> None:
    server.add({**GOOD, **key, ("bounces.press.example", "TXT"): "v=spf1 include:relay.example -all"})
    server.add({(REVERSE, "PTR"): "host.provider.example.", ("bounces.press.example", "MX"): []})
    for name in ("relay.example", "host.provider.example"):
        server.faults[name] = dns_server.SERVFAIL
    findings = of_sender(doctor())
    assert told(findings, "the record can be evaluated")["level"] == "warning"
    assert "valid" not in " ".join(one["finding"] for one in findings if one["area"] == "SPF")
    assert told(findings, "the address has a name that leads back")["level"] == "warning"
    assert [one["check"] for one in findings if one["level"] == "error"] == ["bounces find their way"]


def test_without_a_dmarc_record_a_return_path_below_the_sender_counts_as_aligned(
    doctor: Doctor, server: DnsServer, key: dict[tuple[str, str], str]
) -> None:
    server.add({**GOOD, **key, ("_dmarc.press.example", "TXT"): []})
    findings = of_sender(doctor())
    assert told(findings, "the domain in from has a policy")["level"] == "error"
    assert "SPF and DKIM are both aligned with the domain in From" in [one["finding"] for one in findings]


def test_alignment_is_of_the_organization_unless_the_policy_is_strict(doctor: Doctor, server: DnsServer) -> None:
    server.add(GOOD)
    assert "only SPF carries DMARC" in told(doctor(), "spf or dkim is aligned")["finding"]
    server.add({("_dmarc.press.example", "TXT"): "v=DMARC1; p=reject; aspf=s; rua=mailto:d@press.example"})
    assert told(doctor(), "spf or dkim is aligned")["level"] == "warning"


def test_the_include_of_a_known_provider_is_named(doctor: Doctor, server: DnsServer) -> None:
    server.add({**GOOD, ("smtp.postmarkapp.com", "A"): "192.0.2.77"})
    found = told(doctor(BULK_MAIL_SERVER="smtp.postmarkapp.com"), "the mail server passes")
    assert found["record"]["value"] == "v=spf1 include:spf.mtasv.net ip4:192.0.2.10 -all"


def test_nothing_outside_is_asked_offline(loaded: Press, server: DnsServer) -> None:
    answer = loaded("doctor", "--offline", DNS_RESOLVER=server.address, BULK_MAIL_SERVER="smtp.press.example")
    assert "nothing outside this machine was asked" in answer.out
    assert server.asked == []


def test_the_text_has_each_finding_with_its_reason_and_the_exact_record(
    loaded: Press,
    server: DnsServer,
) -> None:
    server.add({("press.example", "A"): "192.0.2.1"})
    answer = loaded("doctor", DNS_RESOLVER=server.address, BULK_MAIL_DEFAULT_SENDER=SENDER)
    assert answer.code == 1
    assert "  ✗ error: press.example: there is no DMARC record; publish one\n" in answer.out
    assert '\n        _dmarc.press.example. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@press.example"\n' in answer.out
    assert "Google, Yahoo and Microsoft take bulk mail only from" in answer.out
