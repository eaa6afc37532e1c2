"""Migration 0021 on a database with answered confirm letters: what is known stays with the consent."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from newsletter import migrations_runner
from newsletter.db import Sessions
from newsletter.delivery import receipts
from newsletter.delivery.models import OutboxState
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee, Composed
from newsletter.publications import first
from tests.originals import start_at

AT = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
PUBLICATION = """
INSERT INTO publications (id, slug, name, tagline, description, language, time_zone, sender_name, sender_address,
                          postal_address, follow, created_at)
VALUES (:id, :slug, 'Back', '', '', 'en', 'UTC', 'Back', 'desk@example.org', '', '[]', :at)
"""
READER = "INSERT INTO subscribers (id, email, key, name, created_at) VALUES (:id, :email, :email, '', :at)"
TIE = """
INSERT INTO subscriptions (id, subscriber_id, publication_id, status, created_at)
VALUES (:id, :reader, :publication, 'pending', :at)
"""
LETTER = """
INSERT INTO outbox (id, kind, sender_name, sender_address, address, key, name, subject, html, text, state, attempts,
                    created_at, not_before, ended_at, reply)
VALUES (:id, :kind, 'Back', 'desk@example.org', :email, :email, '', '', '', '', :state, 0, :at, :at, :ended, :reply)
"""


@pytest.fixture
def old(engine: Engine) -> Engine:
    """A database as version 0020 left it: Ada reads one publication, Bo two."""
    with engine.begin() as connection:
        start_at(connection, "0020")
        for number, slug in enumerate(("back", "neck"), 1):
            connection.execute(text(PUBLICATION), {"id": number, "slug": slug, "at": AT})
        for number, email in enumerate(("ada@reader.example", "bo@reader.example"), 1):
            connection.execute(text(READER), {"id": number, "email": email, "at": AT})
        for number, (reader, publication) in enumerate(((1, 1), (2, 1), (2, 2)), 11):
            tie = {"id": number, "reader": reader, "publication": publication, "at": AT}
            connection.execute(text(TIE), tie)
        for number, kind, email, state in (
            (5, "confirm", "ada@reader.example", "sent"),
            (6, "welcome", "ada@reader.example", "sent"),
            (7, "confirm", "ada@reader.example", "pending"),
            (8, "confirm", "bo@reader.example", "sent"),
        ):
            letter = {"id": number, "kind": kind, "email": email, "state": state, "at": AT}
            ended = AT + timedelta(seconds=9) if state == "sent" else None
            connection.execute(text(LETTER), letter | {"ended": ended, "reply": ended and f"250 queued as {number}"})
    return engine


def test_the_answers_that_are_still_known_stay_and_each_letter_goes_on(old: Engine) -> None:
    with old.begin() as connection:
        migrations_runner.upgrade_to(connection, "head")
    sessions = Sessions(old)
    with sessions.begin() as session:
        [kept] = session.scalars(receipts.select_receipts([11, 12, 13]))
        assert (kept.post_id, kept.subscription_id, kept.state) == (5, 11, OutboxState.SENT)
        assert (kept.reply, kept.at) == ("250 queued as 5", AT + timedelta(seconds=9))
        assert (kept.message_id, kept.template) == ("20261120120000250000.5@example.org", None)
        [waiting] = outbox.claim(session, "w", 9, AT + timedelta(seconds=10))
        assert (waiting.id, waiting.address) == (7, "ada@reader.example")
        post_id = outbox.post(
            session, first(session), Addressee("c@reader.example"), Composed("confirm", "", "", ""), AT
        )
        # One of an erased reader may have been the last.
        assert old.dialect.name != "sqlite" or post_id > 9
