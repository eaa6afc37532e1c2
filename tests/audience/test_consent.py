from dataclasses import replace

import pytest
from sqlalchemy import func, select

from newsletter.audience import client_ip, consent
from newsletter.audience.consent import Proof
from newsletter.audience.models import Act, Channel, ConsentEvent, Wording
from newsletter.audience.services import AudienceServices


@pytest.mark.parametrize(
    ("client", "kept"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        (" 203.0.113.77 ", "203.0.113.0/24"),
        ("203.0.113.777", None),
        ("'; DROP TABLE readers", None),
        ("", None),
        (None, None),
    ],
)
def test_a_client_s_address_is_kept_as_a_network(
    audience: AudienceServices, client: str | None, kept: str | None
) -> None:
    assert consent.origin_of(audience, client) == kept


def test_a_hashed_origin_tells_clients_apart_and_cannot_be_read(audience: AudienceServices) -> None:
    hashing = replace(audience, origin_policy="hashed")
    one, other = (consent.origin_of(hashing, client) for client in ("203.0.113.77", "203.0.113.78"))
    assert one != other
    assert one == consent.origin_of(hashing, "::ffff:203.0.113.77")
    assert "203" not in one[:3] or len(one) == 64
    assert one != consent.origin_of(replace(hashing, origin_key=b"another"), "203.0.113.77")


@pytest.mark.parametrize(
    ("client", "kept"),
    [
        ("203.0.113.77", "203.0.113.77"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2:3::4"),
        ("::ffff:203.0.113.77", "203.0.113.77"),
        ("fe80::1%eth0", "fe80::1"),
        ("::1", "::1"),
    ],
)
def test_a_whole_address_is_kept_where_a_country_asks_for_it(
    audience: AudienceServices, client: str, kept: str
) -> None:
    full = replace(audience, origin_policy="full")
    assert consent.origin_of(full, client) == kept
    # And nowhere else.
    assert client_ip.logged_origin(full, client) == consent.origin_of(audience, client)


def test_no_origin_is_kept_where_none_is_wanted(audience: AudienceServices) -> None:
    assert consent.origin_of(replace(audience, origin_policy="none"), "203.0.113.77") is None


def test_the_same_words_are_kept_once(press) -> None:
    press.reader("ada@example.org")
    press.reader("bob@example.org")
    with press.sessions.reading() as session:
        # Beside the two buttons, and the confirm letter between them.
        assert session.scalar(select(func.count()).select_from(Wording)) == 3
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 4


def test_two_first_readers_at_once_agree_on_one_row_of_words(press, together) -> None:
    for email in ("ada@example.org", "bob@example.org"):
        press.subscribe(email)
    ids = [press.subscription(email).id for email in ("ada@example.org", "bob@example.org")]

    def record(subscription_id: int) -> None:
        with press.sessions.begin() as session:
            subscription = press.subscription("ada@example.org" if subscription_id == ids[0] else "bob@example.org")
            consent.record(
                session, subscription, Act.CONFIRMED, Channel.LINK, press.now, Proof(wording="brand new words")
            )

    assert together(*(lambda one=one: record(one) for one in ids)) == []
    with press.sessions.reading() as session:
        assert session.scalar(select(func.count()).where(Wording.text == "brand new words")) == 1


def test_a_step_is_recorded_with_the_words_before_it(press) -> None:
    press.subscribe("ada@example.org")
    with press.sessions.reading() as session:
        event = session.scalars(select(ConsentEvent)).one()
        assert (event.act, event.channel, event.origin, event.at) == (
            Act.ASKED,
            Channel.FORM,
            "203.0.113.0/24",
            press.now,
        )
        assert event.wording.text.startswith("Send me the weekly letter")
