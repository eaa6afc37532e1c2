"""What the doctor finds about a domain with some faults: findings of each level, with records and lines."""

from datetime import datetime, timedelta

from newsletter.delivery.message.dkim import DnsRecord
from newsletter.doctor import Finding, dmarc, run_checks, spf
from newsletter.doctor.facts import (
    DatabaseFacts,
    EnvelopeFacts,
    KeyFacts,
    MachineFacts,
    SenderFacts,
    SystemFacts,
    WebFacts,
)
from newsletter.outbound.dns_client import DnsAnswer

_ZONE = {
    ("_dmarc.example.org", "TXT"): "v=DMARC1; p=none; pct=50; rua=mailto:dmarc@example.org",
    ("bounces.example.org", "MX"): "10 mail.example.org",
}
_KEY = DnsRecord("press._domainkey.example.org", f"v=DKIM1; k=rsa; p={'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIB' * 10}")


def _ask(name: str, kind: str) -> DnsAnswer:
    return DnsAnswer(tuple(filter(None, [_ZONE.get((name, kind))])))


def facts(now: datetime) -> SystemFacts:
    """The facts that they are found in."""
    walk, record = dmarc.walk_up(_ask, "example.org"), spf.read_record(_ask, "bounces.example.org")
    key = KeyFacts("press", "rsa-sha256", 2048, signs=True, wanted=_KEY, published=DnsAnswer())
    sender = SenderFacts("example.org", "letters@example.org", walk, record, (key,))
    mx = _ask("bounces.example.org", "MX")
    return SystemFacts(
        now=now,
        asked_outside=True,
        sender_addresses=("letters@example.org",),
        senders=(sender,),
        envelopes=(EnvelopeFacts("bounces.example.org", record, "example.org", True, mx),),
        return_path="bounces.example.org",
        web=WebFacts("https://letters.example.org", is_asked=True),
        machine=MachineFacts("/var/lib/press", {"/var/lib/press": ""}, 5 << 30, (".env",), now - timedelta(days=5)),
        database=DatabaseFacts("sqlite", size=7 << 20, sync=timedelta(milliseconds=2), workers=1),
    )


def findings(now: datetime) -> list[Finding]:
    """The findings."""
    return run_checks(facts(now))
