import subprocess
import sys
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from newsletter import migrations_runner, schema
from newsletter.db import Sessions, open_engine
from newsletter.delivery.ledger import partitions
from newsletter.errors import Conflict
from tests.originals import start_at


def test_the_migrations_are_one_line_whose_files_are_named_by_their_number() -> None:
    scripts = ScriptDirectory.from_config(migrations_runner.config())
    assert [script.revision for script in scripts.walk_revisions()] == schema.revisions()[::-1]


def test_upgrading_from_empty_gives_exactly_the_models(engine: Engine) -> None:
    with engine.connect() as connection:
        options = {"compare_type": True, "include_name": lambda name, *_: name is None or schema.is_modelled(name)}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, migrations_runner.metadata()) == []


def test_an_upgrade_done_twice_changes_nothing(engine: Engine) -> None:
    migrations_runner.upgrade(engine)
    assert schema.schema_state(engine) is schema.SchemaState.CURRENT


def test_whoever_migrates_knows_every_table_without_importing_anything_else() -> None:
    program = """
import importlib, pkgutil, newsletter
from newsletter import migrations_runner
known = set(migrations_runner.metadata().tables)
for module in pkgutil.walk_packages(newsletter.__path__, "newsletter."):
    if module.name not in {"newsletter.__main__", "newsletter.child"}:
        importlib.import_module(module.name)
print(sorted(set(migrations_runner.metadata().tables) - known))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


BEFORE_PARTITIONS = "0002"
LETTER = """INSERT INTO letters (id, publication_id, state, due_at, created_at, content_hash, sender_name,
    sender_address, list_id, feedback_id, archive_url, subject, html, text)
    VALUES (:id, 1, 'finished', :at, :at, '', '', '', '', '', '', '', '', '')"""
PUBLICATION = """INSERT INTO publications (id, slug, name, tagline, description, language, time_zone, sender_name,
    sender_address, postal_address, follow, created_at)
    VALUES (1, 'back', '', '', '', '', '', '', '', '', '[]', :at)"""
COPY = """INSERT INTO copies (letter_id, subscription_id, address, name, state, attempts, not_before, reply)
    VALUES (:letter, :reader, 'ada@reader.example', 'Ada', :state, 1, :at, '2.0.0 Taken')"""
ISSUE = """INSERT INTO issues (id, publication_id, slug, file_name, title, subject, readiness, created_at,
    revision_number, letter_id) VALUES (1, 1, 'a', 'a.md', '', '', 'ready', :at, 0, 1)"""
NOTE = "INSERT INTO copy_notes (copy_id, kind, at) VALUES (2, 'bounced', :at)"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def old_ledger(engine: Engine) -> Engine:
    """A database of the time when all copies were in one table, with two letters of three copies in it."""
    with engine.begin() as connection:
        start_at(connection, BEFORE_PARTITIONS)
        connection.execute(text(PUBLICATION), {"at": NOW})
        for letter in (1, 2):
            connection.execute(text(LETTER), {"id": letter, "at": NOW})
            for reader, state in enumerate(("sent", "pending", "sending"), 1):
                one = {"letter": letter, "reader": reader, "state": state, "at": NOW}
                connection.execute(text(COPY), one)
        connection.execute(text(NOTE), {"at": NOW})
        connection.execute(text(ISSUE), {"at": NOW})
    return engine


@pytest.mark.slow
def test_an_upgrade_carries_the_ledger_over_row_by_row(old_ledger: Engine) -> None:
    # What a later migration adds is none of this one's business.
    columns = ", ".join(column["name"] for column in inspect(old_ledger).get_columns("copies"))

    def ledger() -> list[tuple[object, ...]]:
        queries = (f"SELECT {columns} FROM copies ORDER BY id", "SELECT * FROM copy_notes")  # noqa: S608
        with old_ledger.connect() as connection:
            return [tuple(row) for query in queries for row in connection.execute(text(query))]

    before = ledger()
    assert len(before) == 7
    migrations_runner.upgrade(old_ledger)
    assert ledger() == before
    with old_ledger.begin() as connection:
        connection.execute(text("DELETE FROM copies WHERE id = 6"))
        connection.execute(text(COPY), {"letter": 2, "reader": 9, "state": "pending", "at": NOW})
        assert connection.scalar(text("SELECT max(id) FROM copies")) == 7


@pytest.mark.slow
def test_an_upgraded_ledger_has_the_indexes_that_it_had_but_for_the_readers(old_ledger: Engine) -> None:
    def indexes() -> list[tuple[str, object, str]]:
        where = f"{old_ledger.dialect.name}_where"
        found = inspect(old_ledger).get_indexes("copies")
        return sorted((one["name"], one["column_names"], str(one["dialect_options"].get(where))) for one in found)

    before = indexes()
    migrations_runner.upgrade(old_ledger)
    # What a later migration adds is none of this one's business.
    after = [one for one in indexes() if one[0] not in {"ix_copies_told", "ix_copies_wished"}]
    assert after == [one for one in before if one[0] != "ix_copies_subscription_id"]


@pytest.mark.slow
def test_an_upgrade_minds_the_issues_that_have_letters(old_ledger: Engine) -> None:
    migrations_runner.upgrade(old_ledger)
    with old_ledger.connect() as connection:
        assert connection.execute(text("SELECT slug, letter_id FROM issues")).all() == [("a", 1)]


@pytest.mark.slow
def test_an_old_letter_can_be_dropped_after_the_upgrade(old_ledger: Engine) -> None:
    migrations_runner.upgrade(old_ledger)
    sessions = Sessions(old_ledger)
    assert partitions.delete_copies(sessions, 1) == 3
    with sessions.reading() as session:
        assert partitions.sizes(session).keys() == {2}
        assert session.scalar(text("SELECT count(*) FROM copy_notes")) == 0


def test_a_database_from_a_newer_version_is_refused_and_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="newer version"):
        migrations_runner.upgrade(engine)
    assert schema.schema_state(engine) is schema.SchemaState.NEWER


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


BEFORE_CATEGORIES = "0015"
SOURCES = {
    1: "---\ntitle: A\ncategory: 'Backs: and more'\n---\nText.\n",
    2: "---\ntitle: A\n---\ncategory: none, for it stands in the text\n",
    3: "---\ntitle: A\ncategory: [a, list]\n---\n",
    4: "---\ncategory: {half\n---\n",
}


@pytest.mark.slow
def test_an_upgrade_reads_the_category_of_each_text_there_is(engine: Engine) -> None:
    with engine.begin() as connection:
        start_at(connection, BEFORE_CATEGORIES)
        connection.execute(text(PUBLICATION), {"at": NOW})
        connection.execute(text(ISSUE.replace("revision_number, letter_id", "revision_number")[:-4] + ")"), {"at": NOW})
        for number, source in SOURCES.items():
            words = "(issue_id, number, source, sha256, author, created_at) VALUES (1, :number, :source, '', '', :at)"
            connection.execute(text(f"INSERT INTO revisions {words}"), {"number": number, "source": source, "at": NOW})
    migrations_runner.upgrade(engine)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT number, category FROM revisions ORDER BY number"))
        assert dict(found.all()) == {1: "Backs: and more", 2: "", 3: "", 4: ""}


BEFORE_SEARCH = "0018"


@pytest.mark.slow
def test_an_upgrade_lets_every_reader_be_found_by_folded_words(engine: Engine) -> None:
    with engine.begin() as connection:
        start_at(connection, BEFORE_SEARCH)
        for number, name in enumerate(("Łukasz", "GRÜN"), 1):
            row = {"email": f"r{number}@reader.example", "name": name, "at": NOW}
            words = "(email, key, name, created_at) VALUES (:email, :email, :name, :at)"
            connection.execute(text(f"INSERT INTO subscribers {words}"), row)
    migrations_runner.upgrade(engine)
    with engine.connect() as connection:
        found = connection.scalars(text("SELECT search FROM subscribers ORDER BY id"))
        assert found.all() == [" lukasz r1@reader.example", " grun r2@reader.example"]


BEFORE_ARCHIVE_INDEX = "0047"


@pytest.mark.slow
def test_an_upgrade_lets_every_published_issue_be_found_by_its_words_and_labels(engine: Engine) -> None:
    source = "---\ntitle: A tight back\nsubject: About a tight back\npreheader: P\ntags: [Yoga]\n---\n{}\n"
    with engine.begin() as connection:
        start_at(connection, BEFORE_ARCHIVE_INDEX)
        connection.execute(text(PUBLICATION), {"at": NOW})
        connection.execute(text(LETTER), {"id": 1, "at": NOW})
        connection.execute(text(ISSUE), {"at": NOW})
        connection.execute(text("UPDATE issues SET revision_number = 3, frozen_number = 1"))
        for number, body in enumerate(("As sent.", "As corrected.", "Not shown."), 1):
            words = "(issue_id, number, source, sha256, author, created_at) VALUES (1, :number, :source, '', '', :at)"
            row = {"number": number, "source": source.format(body), "at": NOW}
            connection.execute(text(f"INSERT INTO revisions {words}"), row)
        words = "(issue_id, number, revision_number, note, author, writers, made_at, subject, body)"
        values = "VALUES (1, 1, 2, '', '', '[]', :at, '', '')"
        connection.execute(text(f"INSERT INTO corrections {words} {values}"), {"at": NOW})
    migrations_runner.upgrade(engine)
    with Sessions(engine).reading() as session:
        assert session.execute(text("SELECT * FROM archive_labels")).all() == [(1, "tag", "yoga", "Yoga")]
        assert session.scalar(text("SELECT words FROM archive_texts")) == "a tight back p as corrected"
        assert session.scalar(text("SELECT count(*) FROM archive_words")) == 1
