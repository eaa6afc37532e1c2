"""The migrations of the consent record, on a database with events from before."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select, text

from newsletter import migrations_runner
from newsletter.audience import consent_chain, unsubscribe
from newsletter.audience.models import ConsentEvent
from newsletter.db import Sessions
from tests.originals import start_at

AT = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
PUBLICATION = """
INSERT INTO publications (id, slug, name, tagline, description, language, time_zone, sender_name, sender_address,
                          postal_address, follow, created_at)
VALUES (1, 'back', 'Back', '', '', 'en', 'UTC', 'Back', 'desk@example.org', '', '[]', :at)
"""
READER = "INSERT INTO subscribers (id, email, key, name, created_at) VALUES (:id, :email, :email, '', :at)"
TIE = """
INSERT INTO subscriptions (id, subscriber_id, publication_id, status, created_at)
VALUES (:id, :id, 1, 'unsubscribed', :at)
"""
EVENT = "INSERT INTO consent_events (subscription_id, act, way, at, note) VALUES (:tie, :act, :way, :at, :note)"
EVENTS = [
    (1, "left", "link", "letter 7"),
    (2, "left", "one-click", "letter 7"),
    (2, "left", "link", "letter 12"),
    (3, "left", "link", None),
    (3, "left", "import", "letter 7"),
    (3, "left", "link", "letter 7 of May"),
    (3, "left", "link", "letter 99999999999999999999"),
    (3, "explained", "link", "letter 7"),
]


@pytest.fixture
def old(engine: Engine) -> Engine:
    """A database as version 0026 left it, with three readers."""
    with engine.begin() as connection:
        start_at(connection, "0026")
        connection.execute(text(PUBLICATION), {"at": AT})
        for number in (1, 2, 3):
            reader = {"id": number, "email": f"reader{number}@reader.example", "at": AT}
            connection.execute(text(READER), reader)
            connection.execute(text(TIE), reader)
        for tie, act, way, note in EVENTS:
            connection.execute(text(EVENT), {"tie": tie, "act": act, "way": way, "at": AT, "note": note})
    return engine


def migrate(engine: Engine) -> Sessions:
    with engine.begin() as connection:
        migrations_runner.upgrade_to(connection, "head")
    return Sessions(engine)


def test_the_letter_that_a_reader_left_by_is_carried_over_from_the_note(old: Engine) -> None:
    with migrate(old).reading() as session:
        events = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id)).all()
        assert [event.letter_id for event in events] == [7, 7, 12, *[None] * 5]
        # To people and programs it reads as before, and nobody else's words were taken for ours.
        assert [event.shown_note for event in events] == [note for *_, note in EVENTS]
        assert unsubscribe.unsubscribes_by_letter(session, [7, 12, 13]) == {7: 2, 12: 1, 13: 0}


def test_entries_from_before_are_kept_with_their_readers_and_can_be_chained(old: Engine) -> None:
    sessions = migrate(old)
    with sessions.begin() as session:
        assert consent_chain.chain_some(session, AT) == len(EVENTS)
        consent_chain.erase(session, [3])
    with sessions.reading() as session:
        ties = session.scalars(select(ConsentEvent.subscription_id).order_by(ConsentEvent.id)).all()
        assert ties == [1, 2, 2, *[None] * 5]
        found = consent_chain.verify(session)
    assert (found.chained, found.erased, found.unchained, found.broken) == (len(EVENTS), 5, 0, None)
