"""A row is one line of text, and that line is the same row again, whatever is in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from newsletter.backup import tables
from newsletter.db import Sessions

CELL = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.lists(CELL, min_size=1))
def test_a_line_is_the_row_that_it_was_made_of(row: list[str | None]) -> None:
    line = tables.line(row)
    assert line.count("\n") == 1
    assert tables.cells(line) == row


@pytest.mark.parametrize(
    ("written", "meant"),
    [(r"\N", None), (r"\\N", r"\N"), (r"a\tb\nc\rd", "a\tb\nc\rd"), (r"\b\f\v", "\b\f\v"), (r"\\\\x00", r"\\x00")],
)
def test_what_postgresql_writes_is_understood(written: str, meant: str | None) -> None:
    assert tables.cells(f"{written}\tx\n") == [meant, "x"]


def test_a_backup_holds_every_table_but_those_of_its_place(sessions: Sessions) -> None:
    """And no copy twice: PostgreSQL's partitions are in the table that they are parts of."""
    with sessions.begin() as session:
        if not sessions.embedded:
            session.execute(text("CREATE TABLE copies_7 PARTITION OF copies FOR VALUES IN (7)"))
        kept = {table.name for table in tables.tables_to_back_up(session.connection())}
    assert {"copies", "letters", "subscribers", "consent_events", "suppressions", "outbox", "editors"} <= kept
    assert not kept & {"copies_7", "arming", "heartbeats", "alembic_version"}
