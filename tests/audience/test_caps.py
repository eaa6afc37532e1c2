from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.audience import caps
from newsletter.audience.models import SignupCount


def test_an_address_gets_no_more_letters_than_its_cap_a_day(press) -> None:
    for _ in range(5):
        press.subscribe("ada@example.org")
    assert press.kinds("ada@example.org") == ["confirm"] * 3
    press.subscribe("Ada@Example.org", at=press.now + timedelta(days=1))
    assert len(press.kinds("ada@example.org")) == 4


def test_a_domain_gets_no_more_letters_than_its_cap_an_hour(press) -> None:
    capped = press.with_caps(domain=2)
    for name in ("ada", "bob", "cyd"):
        capped.subscribe(f"{name}@example.org")
    assert capped.kinds("cyd@example.org") == []
    capped.subscribe("cyd@example.org", at=press.now + timedelta(hours=1))
    assert capped.kinds("cyd@example.org") == ["confirm"]


def test_a_client_past_its_cap_is_told_so_and_nothing_of_addresses(press) -> None:
    capped = press.with_caps(client=2)
    capped.subscribe("ada@example.org")
    capped.subscribe("bob@example.org")
    for email in ("ada@example.org", "cyd@example.org"):
        with pytest.raises(caps.TooMany) as refusal:
            capped.subscribe(email)
        assert "@" not in str(refusal.value)
    assert capped.kinds("cyd@example.org") == []


def test_a_whole_ipv6_customer_is_one_client(press) -> None:
    capped = press.with_caps(client=1)
    capped.subscribe("ada@example.org", client="2001:db8:1:2::1")
    with pytest.raises(caps.TooMany):
        capped.subscribe("bob@example.org", client="2001:db8:1:2:ffff::9")


def test_a_client_without_an_address_is_not_counted(press) -> None:
    capped = press.with_caps(client=1)
    for email in ("ada@example.org", "bob@example.org"):
        capped.subscribe(email, client=None)
    assert capped.kinds("bob@example.org") == ["confirm"]


def test_no_bucket_holds_an_address_or_a_client(press) -> None:
    press.subscribe("ada@example.org")
    with press.sessions.reading() as session:
        buckets = session.scalars(select(SignupCount.bucket)).all()
    assert len(buckets) == 3
    assert not any(word in bucket for bucket in buckets for word in ("ada", "example", "203"))


def test_a_cap_holds_when_many_ask_at_once(press, together) -> None:
    assert together(*[lambda: press.subscribe("ada@example.org")] * 8) == []
    assert press.kinds("ada@example.org") == ["confirm"] * 3


def test_old_counts_are_pruned_and_live_ones_stay(press) -> None:
    press.subscribe("ada@example.org")
    later = press.now + timedelta(days=3)
    press.subscribe("bob@example.org", at=later)
    with press.sessions.begin() as session:
        assert caps.prune(session, later) == 3
        assert caps.prune(session, later) == 0
