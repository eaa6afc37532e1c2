"""checkdmarc reads the same records in the same way, and the doctor ends in time whatever the DNS does."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter.config import Settings
from newsletter.db import Sessions
from newsletter.doctor import dmarc, gather, run_checks, spf
from newsletter.outbound import GuardedClient, dns_client
from tests import dns_server
from tests.dns_server import DnsServer
from tests.waiting import PATIENCE

pytestmark = pytest.mark.slow

RECORDS = {
    ("good.example", "TXT"): "v=spf1 ip4:192.0.2.0/24 include:relay.example a:mail.good.example -all",
    ("relay.example", "TXT"): "v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 ~all",
    ("mail.good.example", "A"): "192.0.2.10",
    ("_dmarc.good.example", "TXT"): "v=DMARC1; p=reject; rua=mailto:dmarc@good.example",
    ("syntax.example", "TXT"): "v=spf1 ipv4:192.0.2.1 -all",
    ("address.example", "TXT"): "v=spf1 ip4:192.0.2.999 -all",
    ("loop.example", "TXT"): "v=spf1 include:pool.example -all",
    ("pool.example", "TXT"): "v=spf1 include:loop.example -all",
    ("gone.example", "TXT"): "v=spf1 include:bare.example -all",
    ("bare.example", "TXT"): "nothing of the kind",
    ("twice.example", "TXT"): ["v=spf1 -all", "v=spf1 ~all"],
    ("many.example", "TXT"): "v=spf1 " + " ".join(f"a:mail{at}.good.example" for at in range(11)) + " -all",
    **{(f"mail{at}.good.example", "A"): "192.0.2.10" for at in range(11)},
    ("_dmarc.old.example", "TXT"): "v=DMARC1; p=none; pct=50; ri=3600; rua=mailto:dmarc@old.example",
    ("sub.below.good.example", "A"): "192.0.2.1",
}


@pytest.fixture(scope="module")
def server() -> Iterator[DnsServer]:
    with dns_server.running(RECORDS) as running:
        yield running


@pytest.fixture(scope="module")
def resolver(server: DnsServer) -> Any:
    import dns.resolver

    made = dns.resolver.Resolver(configure=False)
    made.nameservers, made.port = ["127.0.0.1"], int(server.address.rpartition(":")[2])
    return made


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "domain",
    ["good", "syntax", "address", "loop", "gone", "twice", "many"],
)
def test_both_find_the_same_spf_records_valid(
    server: DnsServer, resolver: Any, domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import checkdmarc.spf

    dns_server.be_patient(monkeypatch)
    theirs = checkdmarc.spf.check_spf(f"{domain}.example", resolver=resolver, timeout=PATIENCE)
    ours = spf.read_record(dns_client.open_client(server.address), f"{domain}.example")
    assert bool(ours.text and not ours.problems) == theirs["valid"], (ours.problems, theirs)
    if theirs["valid"]:
        assert ours.lookups == theirs["dns_lookups"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("domain", ["good.example", "sub.below.good.example", "old.example"])
def test_both_find_the_same_dmarc_policy(
    server: DnsServer, resolver: Any, domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import checkdmarc.dmarc

    dns_server.be_patient(monkeypatch)
    theirs = checkdmarc.dmarc.check_dmarc(domain, resolver=resolver, timeout=PATIENCE)
    policy = dmarc.walk_up(dns_client.open_client(server.address), domain).policy
    assert theirs["valid"]
    assert policy
    assert (policy.text, policy.domain) == (theirs["record"], theirs["location"])
    removed = {name for name in dmarc.REMOVED if name in policy.tags}
    assert removed == {name for name in dmarc.REMOVED if any(f"{name} " in said for said in theirs["warnings"])}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_doctor_ends_in_time_where_no_name_server_answers(
    sessions: Sessions, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dns_server.running() as silent:
        silent.faults = _Always()
        settings = Settings(
            _env_file=None,
            data_dir=tmp_path,
            dns_resolver=silent.address,
            bulk_mail_default_sender="Press <letters@press.example>",
            bulk_mail_server="127.0.0.1",
            bulk_mail_port=9,
            mail_helo="mail.press.example",
        )
        monkeypatch.setattr(gather, "WITHIN", 0.5)
        began = time.monotonic()
        outside = gather.Outside(web=GuardedClient(resolve=lambda _host, _port: []))
        findings = run_checks(gather.gather(settings, sessions, now, outside))
        assert time.monotonic() - began < 30
    about_dns = [each for each in findings if each.area in {"SPF", "DKIM", "DMARC", "Return path"}]
    assert {each.level.value for each in about_dns} <= {"warning", "hint"}


class _Always(dict[str, str]):
    """Every name is silent."""

    def get(self, _name: str, _default: object = None) -> str:  # type: ignore[override]
        return dns_server.SILENCE
