from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from newsletter.audience import signup_limits
from newsletter.audience.models import SignupCount
from newsletter.delivery.models import OutboxMessage


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
        with pytest.raises(signup_limits.TooManyRequests) as refusal:
            capped.subscribe(email)
        assert "@" not in str(refusal.value)
    assert capped.kinds("cyd@example.org") == []


def test_a_whole_ipv6_customer_is_one_client(press) -> None:
    capped = press.with_caps(client=1)
    capped.subscribe("ada@example.org", client="2001:db8:1:2::1")
    with pytest.raises(signup_limits.TooManyRequests):
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
    assert len(buckets) == 5
    assert not any(word in bucket for bucket in buckets for word in ("ada", "example", "203"))


def test_a_cap_holds_when_many_ask_at_once(press, together) -> None:
    assert together(*[lambda: press.subscribe("ada@example.org")] * 8) == []
    assert press.kinds("ada@example.org") == ["confirm"] * 3


def test_old_counts_are_pruned_and_live_ones_stay(press) -> None:
    press.subscribe("ada@example.org")
    later = press.now + timedelta(days=3)
    press.subscribe("bob@example.org", at=later)
    with press.sessions.begin() as session:
        assert signup_limits.prune(session, later) == 4
        assert signup_limits.prune(session, later) == 0
        # A mailbox is remembered for as long as its month lasts.
        assert signup_limits.prune(session, press.now + timedelta(days=31)) == 5
        assert signup_limits.prune(session, later + timedelta(days=31)) == 1


@pytest.mark.parametrize(
    "spellings",
    [
        ["ada@example.org", "Ada@Example.org", "ada+1@example.org", "ada+news+2@example.org", "ADA+3@EXAMPLE.ORG"],
        [
            "ada.lee@gmail.com",
            "adalee@gmail.com",
            "a.d.a.lee+x@gmail.com",
            "AdaLee@googlemail.com",
            "a.dalee@gmail.com",
        ],
        [
            "ada@bücher.example",
            "ada@xn--bcher-kva.example",
            "ada+1@bücher.example",
            "ada+2@BÜCHER.example",
            "ada@Bücher.example",
        ],
        ["ada@icloud.com", "ada@me.com", "ada@mac.com", "ada+1@me.com", "Ada+2@iCloud.com"],
        ["adalee@proton.me", "ada.lee@protonmail.com", "ada-lee@pm.me", "ada_lee+1@proton.me", "a.dalee@protonmail.ch"],
        ["ada.lee@yandex.ru", "ada-lee@yandex.com", "ada.lee@ya.ru", "ada-lee+1@yandex.kz", "ada.lee+x@yandex.com.tr"],
        ["ada@yahoo.de", "ada-shop@yahoo.de", "ada-a-b@yahoo.de", "ada-1@yahoo.de", "ada+2@yahoo.de"],
        ["ada@fastmail.com", "shop@ada.fastmail.com", "ada+1@fastmail.com", "x@ada.fastmail.com", "y@ada.fastmail.com"],
        ["ada@outlook.com", "ada+1@outlook.com", "ADA+2@Outlook.com", "ada+3@outlook.com", "ada+4@outlook.com"],
        [
            "fish@bücher.example",
            "ﬁsh@bücher.example",
            "ｆish@bücher.example",
            "FISH@bücher.example",
            "fiſh@bücher.example",
        ],
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_mailbox_has_one_cap_whatever_the_spelling(press, other_publication, spellings: list[str]) -> None:
    for number, email in enumerate(spellings):
        at_home = press if number % 2 else replace(press, publication=other_publication)
        at_home.subscribe(email)
    with press.sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_two_spellings_are_two_mailboxes_where_they_may_be_two_people(press) -> None:
    for email in (
        *("ada.lee@example.org", "adalee@example.org", "ada-lee@example.org", "+ada@example.org"),
        *("ada.lee@outlook.com", "adalee@outlook.com", "ada-lee@outlook.com", "adalee@hotmail.com"),
        *("ada@yahoo.com", "ada@yahoo.de", "ada@fastmail.com", "ada@fastmail.fm", "ada@ada.example.org"),
    ):
        press.subscribe(email)
        assert press.kinds(email) == ["confirm"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_mailbox_where_nobody_confirms_gets_five_letters_in_thirty_days(press) -> None:
    for day in range(29):
        for number in range(4):
            press.subscribe(f"ada+{number}@example.org", at=press.now + timedelta(days=day))
    with press.sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 5
    press.subscribe("ada@example.org", at=press.now + timedelta(days=61))
    assert press.kinds("ada@example.org") == ["confirm"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_asking_again_and_again_on_one_day_uses_up_that_day_only(press) -> None:
    for _ in range(9):
        press.subscribe("ada@example.org")
    press.subscribe("ada@example.org", at=press.now + timedelta(days=1))
    assert len(press.kinds("ada@example.org")) == 4


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_confirms_is_nobodys_victim(press, other_publication) -> None:
    for day in range(5):
        press.subscribe("ada@example.org", at=press.now + timedelta(days=day))
    press.confirm("ada@example.org")
    replace(press, publication=other_publication).subscribe("ada@example.org", at=press.now + timedelta(days=4))
    assert press.kinds("ada@example.org").count("confirm") == 6


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "domain",
    ["gmail.com", "googlemail.com", "hotmail.de", "yahoo.co.jp", "gmx.de", "web.de", "wp.pl", "seznam.cz", "pm.me"],
)
def test_a_provider_of_mailboxes_for_everybody_has_no_cap_of_its_own(press, domain: str) -> None:
    capped = press.with_caps(domain=1)
    for name in ("ada", "bob", "cyd"):
        capped.subscribe(f"{name}@{domain}")
        assert capped.kinds(f"{name}@{domain}") == ["confirm"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_beyond_the_cap_of_the_installation_everybody_is_told_and_nobody_is_dropped(press) -> None:
    capped = press.with_caps(in_all=3)
    for name in ("ada", "bob", "cyd"):
        capped.subscribe(f"{name}@{name}.example")
    for email in ("dan@example.org", "ada@ada.example"):
        with capture_logs() as said, pytest.raises(signup_limits.TooManyRequests, match=r"Too many .* in an hour"):
            capped.subscribe(email, client=None)
        assert "SIGNUP_CAP_PRESS" in str(said)
    capped.subscribe("dan@example.org", at=press.now + timedelta(hours=1))
    assert capped.kinds("dan@example.org") == ["confirm"]


def test_a_proof_of_work_counts_once_until_it_is_too_old_to_be_accepted(press) -> None:
    made_at = press.now - timedelta(minutes=20)
    with press.sessions.begin() as session:
        assert signup_limits.use_proof(session, "0" * 32, made_at)
        assert not signup_limits.use_proof(session, "0" * 32, made_at)
        assert signup_limits.use_proof(session, "1" * 32, made_at)
        assert signup_limits.prune(session, press.now) == 0
        assert signup_limits.prune(session, press.now + timedelta(days=3)) == 2
