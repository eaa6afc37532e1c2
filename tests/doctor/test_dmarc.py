"""DMARC's tree walk (RFC 9989, 4.10). The DNS is a table."""

import pytest

from newsletter.doctor import dmarc
from newsletter.outbound.dns_client import DnsAnswer

NONE = "v=DMARC1; p=none"


def walk(domain: str, **records: str | tuple[str, ...]) -> tuple[dmarc.Walk, list[str]]:
    asked: list[str] = []
    zone = {f"_dmarc.{name.replace('__', '-').replace('_', '.')}": texts for name, texts in records.items()}

    def ask(name: str, _kind: str) -> DnsAnswer:
        asked.append(name)
        texts = zone.get(name, ())
        return DnsAnswer((texts,) if isinstance(texts, str) else texts)

    return dmarc.walk_up(ask, domain), asked


@pytest.mark.parametrize(
    ("domain", "records", "organization", "holds"),
    [
        ("example.com", {}, "example.com", None),
        ("news.example.com", {}, "news.example.com", None),
        ("news.example.com", {"example_com": NONE}, "example.com", "example.com"),
        ("news.example.com", {"news_example_com": NONE, "example_com": NONE}, "example.com", "news.example.com"),
        ("a.b.example.com", {"b_example_com": NONE, "example_com": NONE}, "example.com", "example.com"),
        # The record nearest the root wins, unless one of them says where an organization begins.
        ("a.b.example.com", {"b_example_com": f"{NONE}; psd=n", "example_com": NONE}, "b.example.com", "b.example.com"),
        ("a.example.co.uk", {"co_uk": f"{NONE}; psd=y"}, "example.co.uk", "co.uk"),
        ("a.example.co.uk", {"example_co_uk": NONE, "co_uk": f"{NONE}; psd=y"}, "example.co.uk", "example.co.uk"),
        ("a.example.co.uk", {"co_uk": f"{NONE}; PSD=Y"}, "example.co.uk", "co.uk"),
        # A registry's own mail.
        ("co.uk", {"co_uk": f"{NONE}; psd=y"}, "co.uk", "co.uk"),
        ("example.com", {"example_com": "v=spf1 -all"}, "example.com", None),
        ("example.com", {"example_com": "p=none; v=DMARC1"}, "example.com", None),
        ("example.com", {"example_com": "v=dmarc1; p=none"}, "example.com", None),
        ("example.com", {"example_com": (NONE, NONE)}, "example.com", None),
    ],
)
def test_the_walk_finds_the_organization_and_the_policy_that_holds(
    domain: str, records: dict[str, str], organization: str, holds: str | None
) -> None:
    found, _ = walk(domain, **records)
    assert found.organizational_domain == organization
    assert (found.policy and found.policy.domain) == holds


def test_the_walk_of_a_long_name_takes_eight_questions() -> None:
    _, asked = walk("a.b.c.d.e.f.g.h.i.j.mail.example.com")
    assert len(asked) == dmarc.MOST_QUERIES
    assert asked[:2] == ["_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com", "_dmarc.g.h.i.j.mail.example.com"]
    assert asked[-1] == "_dmarc.com"


def test_several_records_count_as_none_and_are_told() -> None:
    found, _ = walk("news.example.com", news_example_com=(NONE, NONE), example_com=NONE)
    assert found.several == ("news.example.com",)
    assert found.policy
    assert found.policy.domain == "example.com"
