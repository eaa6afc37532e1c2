"""An incoming mail, whichever way it came: read in little memory, recorded once, counted."""

import io
from dataclasses import replace

import pytest

from newsletter import publications
from newsletter.delivery.bounces.intake import tally
from newsletter.delivery.bounces.intake.incoming import MOST_KEPT, IncomingMail
from newsletter.delivery.bounces.report import Kind
from newsletter.wiring import Services
from newsletter.workflows import receive_mail
from newsletter.workflows.receive_mail import receive
from tests import sample_services
from tests.delivery.bounces.mails import FAILED, report
from tests.originals import Fill
from tests.sample_services import NOW

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def filled() -> Fill:
    return sample_services.opened


@SQLITE
def test_a_mail_of_any_size_is_recorded_in_little_memory(services: Services) -> None:
    raw = report(FAILED) + (b"x" * 76 + b"\r\n") * 40_000
    mail = IncomingMail(io.BytesIO(raw))
    assert receive(services.sessions, services.bounces, mail, "pipe", NOW).kind is Kind.BOUNCE
    assert (mail.octets, len(mail.head), mail.is_whole) == (len(raw), MOST_KEPT, False)


def test_a_mail_that_comes_twice_is_counted_once(services: Services) -> None:
    for _ in range(2):
        receive(services.sessions, services.bounces, IncomingMail.from_bytes(report(FAILED)), "pipe", NOW)
    with services.sessions.reading() as session:
        assert [(one.way, one.kind, one.mails) for one in tally.tallies(session)] == [("pipe", "bounce", 1)]
        assert tally.last_mail_by_way(session) == {"pipe": NOW}


@SQLITE
def test_mail_is_taken_for_signed_and_known_addresses_alone(services: Services) -> None:
    bounces = replace(services.bounces, return_path_domain="bounces.example.org", own_addresses={"fbl@example.net"})
    seal = services.links.seal
    signed = {
        "bounce": seal.seal_local_part("bounce", 7),
        "unsubscribe": seal.seal_local_part("unsubscribe", 5, 3),
    }
    with services.sessions.reading() as session:
        sender = publications.find(session).sender_address

    def is_ours(address: str) -> bool:
        with services.sessions.reading() as session:
            return receive_mail.is_ours(session, bounces, address)

    for ours in (
        f"bounce+{signed['bounce']}@bounces.example.org",
        f"BOUNCE+{signed['bounce'].upper()}@Bounces.Example.org",
        f"bounce+{seal.seal_local_part('post', 7)}@bounces.example.org",
        f"unsubscribe+{signed['unsubscribe']}@bounces.example.org",
        "postmaster@bounces.example.org", "abuse@bounces.example.org", "unsubscribe@bounces.example.org",
        "FBL@example.net", sender.upper(),
    ):  # fmt: skip
        assert is_ours(ours), ours
    for foreign in (
        f"bounce+{signed['unsubscribe']}@bounces.example.org",
        f"unsubscribe+{signed['bounce']}@bounces.example.org",
        f"bounce+{signed['bounce']}@example.org",
        f"bounce+{signed['bounce'][:-1]}@bounces.example.org",
        "bounce@bounces.example.org", "info@bounces.example.org", "postmaster@example.org", "postmaster", "",
    ):  # fmt: skip
        assert not is_ours(foreign), foreign
