"""The migration of the search index: whoever was in the old one is packed into the new one."""

from datetime import UTC, datetime

from sqlalchemy import Engine, select, text

from newsletter import migrations_runner
from newsletter.audience import search_index
from newsletter.audience.search_index import SearchBlock
from newsletter.db import Sessions
from tests.originals import start_at


def test_readers_whom_the_filters_knew_are_packed_anew(engine: Engine) -> None:
    with engine.begin() as connection:
        start_at(connection, "0077")
        reader = """INSERT INTO subscribers (id, email, key, name, created_at, search, indexed)
            VALUES (1, 'a@b.example', 'a@b.example', '', :at, ' a@b.example', true)"""
        connection.execute(text(reader), {"at": datetime(2026, 11, 20, tzinfo=UTC)})
        connection.execute(text("INSERT INTO search_blocks (number, filter) VALUES (0, :bits)"), {"bits": b"\1" * 4096})
        migrations_runner.upgrade_to(connection, "head")
    with Sessions(engine).begin() as session:
        assert search_index.index_some(session) == 1
        assert b"\n a@b.example\n" in session.scalars(select(SearchBlock.entries)).one()
