import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from newsletter import migrating, schema
from newsletter.db import Sessions, open_engine
from newsletter.errors import Conflict


def test_the_migrations_are_one_line_whose_files_are_named_by_their_number() -> None:
    scripts = ScriptDirectory.from_config(migrating.config())
    assert [script.revision for script in scripts.walk_revisions()] == schema.revisions()[::-1]


def test_upgrading_from_empty_gives_exactly_the_models(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, migrating.metadata()) == []


def test_an_upgrade_done_twice_changes_nothing(engine: Engine) -> None:
    migrating.upgrade(engine)
    assert schema.standing(engine) is schema.Standing.CURRENT


def test_a_database_from_a_newer_version_is_refused_and_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="newer version"):
        migrating.upgrade(engine)
    assert schema.standing(engine) is schema.Standing.NEWER


def test_an_empty_database_says_to_upgrade(tmp_path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(Conflict, match="newsletter db upgrade"):
        schema.require_current(engine)
    engine.dispose()


def test_a_reading_session_cannot_write(sessions: Sessions) -> None:
    with sessions.reading() as session, pytest.raises(Exception, match=r"read-?\s?only"):
        session.execute(text("DELETE FROM editors"))
    with sessions.begin() as session:
        session.execute(text("DELETE FROM editors"))
