"""What the command line tells of one reader, and of copies that went out twice."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.db import Sessions, open_engine
from newsletter.delivery import ledger
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.holds import ProviderHold
from newsletter.delivery.bounces.policy import Decision
from newsletter.delivery.bounces.report import Hardness, Kind, Reason
from newsletter.delivery.ledger import doubts
from newsletter.delivery.models import Copy, Letter
from newsletter.delivery.transactional import outbox

from .conftest import Press

SLUG = "unwind-a-tight-back"
ADA = "ada@reader.example"
WIDE = {"COLUMNS": "300"}


@pytest.fixture
def sessions(environment: dict[str, str]) -> Iterator[Sessions]:
    """The store of the command line."""
    engine = open_engine(f"sqlite:///{environment['DATA_DIR']}/newsletter.db")
    yield Sessions(engine)
    engine.dispose()


@pytest.fixture
def resent(loaded: Press, sessions: Sessions, tmp_path: Path) -> str:
    """An issue to Ada and Ben, of which Ada's copy was in doubt and is sent again; its Message-ID."""
    (tmp_path / "readers.csv").write_text(f"email,name\n{ADA},Ada\nben@reader.example,Ben\n")
    consent = ("--status", "active", "--consent", "the old list")
    for command in (("subscribers", "import", "readers.csv", *consent), ("issues", "send", SLUG, "--now")):
        assert loaded(*command).code == 0
    now = datetime.now(UTC)
    with sessions.begin() as session:
        letter = session.scalars(select(Letter.id)).one()
        [begun] = [copy for copy in ledger.claim(session, "w", 9, now) if copy.address == ADA]
        ledger.begin(session.connection(), "w", [begun], now)
    with sessions.begin() as session:
        ledger.recover_from(session, "w", "hold", now)
    [open_one] = json.loads(loaded("issues", "doubts", SLUG, "--json").out)
    with sessions.begin() as session:
        doubts.send_again(session, letter, [begun.id], now)
    return str(open_one["message_id"])


def test_a_copy_that_was_sent_again_is_listed_among_the_settled(loaded: Press, resent: str) -> None:
    assert loaded("issues", "doubts", SLUG).out == "nothing is in doubt\n"
    [told] = json.loads(loaded("issues", "doubts", SLUG, "--settled", "--json").out)
    assert (told["address"], told["state"], told["message_id"]) == ("a…@reader.example", "pending", resent)
    assert told["decision"] == "sent again: a person had it sent again"
    shown = loaded("issues", "doubts", SLUG, "--settled", **WIDE).out
    assert "sent again: a person had it sent again" in shown
    assert ADA not in shown


@pytest.mark.usefixtures("resent")
def test_a_reader_s_story_tells_what_was_sent_again(loaded: Press, sessions: Sessions) -> None:
    with sessions.reading() as session:
        subject = session.scalars(select(Letter.subject)).one()
    [again] = json.loads(loaded("subscribers", "show", ADA, "--json").out)["sent_again"]
    assert (again["subject"], again["state"], again["why"]) == (subject, "pending", "a person had it sent again")
    shown = loaded("subscribers", "show", ADA, **WIDE).out
    assert "Sent again, because it was in doubt whether it had arrived:" in shown
    assert subject in shown
    assert json.loads(loaded("subscribers", "show", "ben@reader.example", "--json").out)["sent_again"] == []
    assert "Sent again" not in loaded("subscribers", "show", "ben@reader.example").out


def test_a_reader_s_story_tells_what_the_server_said_of_the_letter_that_asked(
    loaded: Press, sessions: Sessions, tmp_path: Path
) -> None:
    (tmp_path / "readers.csv").write_text(f"email,name\n{ADA},Ada\n")
    assert loaded("subscribers", "import", "readers.csv").code == 0
    now = datetime.now(UTC)
    with sessions.begin() as session:
        [letter] = outbox.claim(session, "w", 9, now)
        outbox.sent(session, "w", letter.id, "250 2.0.0 queued as 4F2", now)
    [asked] = json.loads(loaded("subscribers", "show", ADA, "--json").out)["confirm_letters"]
    assert (asked["state"], asked["answer"]) == ("sent", "250 2.0.0 queued as 4F2")
    assert asked["message_id"].startswith(f"{letter.created_at:%Y%m%d%H%M%S%f}.{letter.id}@")
    # Of all letters of this version, so nothing of this reader is in it.
    assert "{{ confirm_url }}" in asked["wording"]
    assert ADA not in asked["wording"]
    shown = loaded("subscribers", "show", ADA, **WIDE).out
    assert "250 2.0.0 queued as 4F2" in shown
    assert asked["message_id"] in shown


@pytest.mark.usefixtures("resent")
def test_what_a_server_said_of_ones_mail_is_part_of_ones_story(loaded: Press, sessions: Sessions) -> None:
    now = datetime.now(UTC)
    with sessions.begin() as session:
        copy = session.scalars(select(Copy).where(Copy.address == ADA)).one()
        event = BounceEvent(source="smtp:1", place=0, way="smtp", kind=Kind.BOUNCE, hardness=Hardness.SOFT)
        event.reason, event.status, event.code = Reason.MAILBOX_FULL, "4.2.2", "452"
        event.diagnostic, event.mta, event.is_forgiven = "452 4.2.2 over quota", "", False
        event.key, event.provider_group, event.at, event.received_at = ADA, "reader.example", now, now
        event.copy_id, event.decision = copy.id, Decision.COUNTED
        session.add(event)
    shown = loaded("subscribers", "show", ADA, **WIDE).out
    assert "mailboxfull" in shown
    assert "452 4.2.2 over quota" in shown
    [told] = json.loads(loaded("subscribers", "show", ADA, "--json").out)["bounces"]
    assert (told["kind"], told["class"], told["reason"], told["decision"]) == (
        "bounce",
        "soft",
        "mailboxfull",
        "counted",
    )


def test_held_readers_are_listed_and_decided_about(loaded: Press, sessions: Sessions) -> None:
    assert loaded("subscribers", "held").out == "no reader is held\n"
    now = datetime.now(UTC)
    with sessions.begin() as session:
        session.add(ProviderHold(provider_group="gmail", opened_at=now, unknown=40, copies=900))
    [told] = json.loads(loaded("subscribers", "held", "--json").out)
    assert (told["provider"], told["unknown"], told["copies"], told["readers"]) == ("gmail", 40, 900, 0)
    assert loaded("subscribers", "held", "gmail").code == 2
    assert loaded("subscribers", "held", "gmail", "--keep").out == "0 readers kept\n"
    gone = loaded("subscribers", "held", "gmail", "--suppress")
    assert (gone.code, "nothing of gmail is held" in gone.err) == (1, True)
