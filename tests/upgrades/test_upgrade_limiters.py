"""Migration 0002 on a database with a letter under way: its copies stay as they are, and go on."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from newsletter import migrations_runner
from tests.originals import start_at

LETTER = """
INSERT INTO publications (id, slug, name, tagline, description, language, time_zone, sender_name, sender_address,
                          postal_address, follow, created_at)
VALUES (1, 'back', 'Back', '', '', 'en', 'UTC', 'Back', 'desk@example.org', '', '[]', :at);
INSERT INTO letters (id, publication_id, state, due_at, created_at, content_hash, sender_name, sender_address, list_id,
                     feedback_id, archive_url, subject, html, text)
VALUES (1, 1, 'running', :at, :at, 'ab', 'Back', 'desk@example.org', 'l', 'f', 'u', 's', 'h', 't')
"""
COPY = """
INSERT INTO copies (letter_id, subscription_id, address, name, state, attempts, not_before)
VALUES (1, :number, :address, 'Ada', :state, 1, :at)
"""


@pytest.fixture
def old(engine: Engine) -> Iterator[Engine]:
    """A database as version 0001 left it."""
    with engine.begin() as connection:
        start_at(connection, "0001")
    return engine


def test_the_copies_of_a_letter_under_way_stay_as_they_are(old: Engine) -> None:
    at = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    states = ["pending", "sending", "sent", "refused"] * 500
    with old.begin() as connection:
        for statement in LETTER.split(";"):
            connection.execute(text(statement), {"at": at})
        rows = [
            {"number": number, "address": f"reader{number}@example.org", "state": state, "at": at}
            for number, state in enumerate(states)
        ]
        connection.execute(text(COPY), rows)
        before = connection.execute(text("SELECT * FROM copies ORDER BY id")).all()
        indexes = _indexes(connection)
    began = time.process_time()
    with old.begin() as connection:
        migrations_runner.upgrade_to(connection, "0002")
    assert time.process_time() - began < 5
    with old.begin() as connection:
        after = connection.execute(text("SELECT * FROM copies ORDER BY id")).all()
        assert _indexes(connection) == indexes
        assert connection.scalar(text("SELECT count(*) FROM paces")) == 0
    assert [tuple(row) for row in after] == [(*row, None) for row in before]


def _indexes(connection) -> set[str]:
    sql = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE tbl_name = 'copies' AND type = 'index' AND sql IS NOT NULL",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE tablename = 'copies'",
    }
    return set(connection.scalars(text(sql[connection.dialect.name])))
