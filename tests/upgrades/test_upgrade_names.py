"""The migration that renames the tables and columns of breakers and limiters, with rows in each of them."""

from datetime import UTC, datetime

from sqlalchemy import Engine, inspect, text

from newsletter import migrations_runner
from newsletter.db import Sessions
from newsletter.delivery import breaker
from newsletter.delivery.rate_limit.limiter_store import SharedLimiter
from tests.originals import PUBLICATION, start_at

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FILLED = (
    PUBLICATION,
    """INSERT INTO letters (id, publication_id, state, due_at, created_at, content_hash, sender_name, sender_address,
                         list_id, feedback_id, archive_url, subject, html, text)
       VALUES (1, 1, 'running', :at, :at, '', 'One', 'desk@example.org', '', '', '', 'Sit', '', '')""",
    """INSERT INTO breakers (letter_id, lane, opened_at, code, reply, copies)
       VALUES (1, 'gmail', :at, 550, '5.7.26 Unauthenticated', 5)""",
    "INSERT INTO strikes (copy_id, letter_id, lane, domain, in_a_row) VALUES (7, 1, 'gmail', 'gmail.com', true)",
    "INSERT INTO paces (key, next_at, spent, series) VALUES ('gmail', :at, '{\"3600\": [[1, 2]]}', 3)",
    """INSERT INTO issues (id, publication_id, slug, file_name, title, subject, readiness, created_at, revision_number)
       VALUES (1, 1, 'sit', 'sit.md', 'Sit', 'Sit', 'draft', :at, 0)""",
)


def test_breakers_strikes_and_limiters_of_before_still_count(engine: Engine) -> None:
    with engine.begin() as connection:
        start_at(connection, "0059")
        for statement in FILLED:
            connection.execute(text(statement), {"at": AT})
        migrations_runner.upgrade_to(connection, "head")
    with Sessions(engine).begin() as session:
        [trip] = breaker.open_trips(session, 1)
        assert (trip.provider_group, trip.server_reply) == ("gmail", "550 5.7.26 Unauthenticated")
        assert session.execute(text("SELECT copy_id, provider_group FROM strikes")).all() == [(7, "gmail")]
        limiter = session.get_one(SharedLimiter, "gmail")
        assert (limiter.next_at, limiter.spent, limiter.series) == (AT, {"3600": [[1, 2]]}, 3)
    names = {name for table in ("shared_limiters", "breakers") for name in _names(engine, table)}
    assert not names & {"pk_paces", "lane"}


def _names(engine: Engine, table: str) -> set[str | None]:
    found = inspect(engine)
    columns = {column for index in found.get_indexes(table) for column in index["column_names"]}
    return columns | ({found.get_pk_constraint(table)["name"]} if engine.name == "postgresql" else set())
