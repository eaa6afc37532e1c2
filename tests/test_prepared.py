"""Rows are inserted by constant statements, whatever their number."""

from datetime import UTC, datetime

from sqlalchemy import select

from newsletter.audience.models import Erasure
from newsletter.db import Session, Sessions
from newsletter.prepared import insert_rows, moment_cell

EARLY, LATE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 6, 7, tzinfo=UTC)


def insert(session: Session, numbers: range, at: datetime) -> set[str]:
    connection = session.connection()
    rows = [(f"{number:04}", moment_cell(connection.dialect, at)) for number in numbers]
    found = insert_rows(connection, Erasure, ("digest", "at"), rows, returning=("digest",))
    return {digest for (digest,) in found}


def stored(session: Session) -> dict[str, datetime]:
    return dict(session.execute(select(Erasure.digest, Erasure.at)).all())


def test_each_row_is_inserted_and_told_once_and_one_that_is_there_stays(sessions: Sessions) -> None:
    with sessions.begin() as session:
        assert insert(session, range(0), EARLY) == set()
        assert len(insert(session, range(1_337), EARLY)) == 1_337
        assert insert(session, range(1_330, 1_340), LATE) == {"1337", "1338", "1339"}
        at = stored(session)
    assert len(at) == 1_340
    assert (at["0000"], at["1336"], at["1337"]) == (EARLY, EARLY, LATE)
