"""A restored press is the press that was backed up, to the last character; where it cannot be, nothing is there."""

import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from newsletter import migrations_runner, schema
from newsletter.audience.models import Subscriber, Subscription
from newsletter.backup import archive, sequences, take
from newsletter.backup import restore as backup_restore
from newsletter.backup.manifest import Manifest
from newsletter.config import Settings
from newsletter.db import Sessions, open_engine
from newsletter.delivery.models import Copy, Letter
from newsletter.delivery.workers import heartbeat, send_permission
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue
from newsletter.engagement.comments import Comment, CommentState
from newsletter.errors import Conflict, PressError
from newsletter.schema import SchemaState
from newsletter.wiring import Services, open_services
from newsletter.workflows import issue_readiness, publish
from tests.databases import MOSTLY_SQLITE

from .conftest import KEY, NASTY, Elsewhere, Forge, of_a_press, rows, settings_of


def restore(path: Path, settings: Settings, now: datetime) -> list[str]:
    """As the command does; the remarks about keys."""
    with archive.open_archive(path) as backup, backup_restore.placed_keys(backup, settings) as remarks:
        services = open_services(settings, check_schema=False)
        try:
            backup_restore.restore(backup, services.sessions.engine, services.pictures, now)
        finally:
            services.close()
    return remarks


def standing(settings: Settings) -> SchemaState:
    engine = open_engine(settings.database)
    try:
        return schema.schema_state(engine)
    finally:
        engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_row_picture_and_key_comes_back_on_either_database(
    services: Services, backup: Path, elsewhere: Elsewhere, kind: str, now: datetime
) -> None:
    there = elsewhere(kind)
    before = of_a_press(services.sessions)
    assert [table for table, found in before.items() if not found] == []
    assert restore(backup, there, now) == []
    after = rows(there)
    (noted,) = set(after["audit_log"]) - set(before["audit_log"])
    assert "'newsletter restore'" in noted
    reserved = set(after["letters"]) - set(before["letters"])
    assert [row.startswith(f"({sequences.LEAP + 3}, ") for row in reserved] == [kind == "sqlite"] * len(reserved)
    after["letters"] = sorted(set(after["letters"]) - reserved)
    assert after | {"audit_log": before["audit_log"]} == before
    assert there.secret_file.read_bytes() == KEY
    assert there.secret_file.stat().st_mode & 0o777 == 0o600
    assert (there.dkim_folder / "letters.example.press.pem").read_text() == "a key that signs"
    ours, theirs = (
        {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in _pictures(services, there)
    )
    assert ours == theirs


def test_a_restored_database_may_not_send_and_knows_how_old_it_is(
    backup: Path, elsewhere: Elsewhere, now: datetime
) -> None:
    there = elsewhere()
    restore(backup, there, now + timedelta(days=3))
    engine = open_engine(there.database)
    with Sessions(engine).reading() as session:
        assert not send_permission.may_send(session)
        assert send_permission.read_permission(session).restored_from == now
    engine.dispose()


def test_a_number_that_mail_bears_is_not_given_to_another(
    sessions: Sessions, backup: Path, elsewhere: Elsewhere, now: datetime
) -> None:
    there = elsewhere()
    with sessions.reading() as session:
        last_letter = session.scalar(select(func.max(Letter.id)))
    restore(backup, there, now)
    services = open_services(there)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, "break-the-circle")
        issue_readiness.mark_ready(session, issue, services.links)
        started = publish.send_now(session, services.letters, issue, now)
        assert started.letter_id == last_letter + sequences.LEAP + 1
        ids = session.scalars(select(Copy.id).where(Copy.letter_id == started.letter_id)).all()
        zoe = Subscriber(email="zoe@x.example", key="zoe@x.example", created_at=now)
        zoe.subscriptions.append(Subscription(publication_id=1, created_at=now))
        session.add(zoe)
        session.flush()
        assert zoe.subscriptions[0].id == len(NASTY) + sequences.LEAP + 1
    assert sorted(ids) == list(range(min(ids), min(ids) + started.copies))
    assert min(ids) == len(NASTY) + sequences.LEAP + 1
    services.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_sqlite_takes_rows_in_the_order_in_which_postgresql_keeps_them(
    services: Services, elsewhere: Elsewhere, tmp_path: Path, now: datetime
) -> None:
    with services.sessions.begin() as session:
        issue = session.scalars(select(Issue).where(Issue.letter_id.is_not(None))).first()
        words = {"publication_id": issue.publication_id, "issue_id": issue.id, "state": CommentState.WAITING}
        for number, parent in ((901, None), (902, 901)):
            words |= {"digest": str(number), "created_at": now, "changed_at": now, "name": "Ada", "text": "Words"}
            session.add(Comment(id=number, parent_id=parent, **words))
        original, *_, repeat = session.scalars(select(Letter).order_by(Letter.id))
        repeat.repeats_id = original.id
    with services.sessions.begin() as session:
        # A changed row stands behind those that refer to it.
        session.get_one(Comment, 901).state = CommentState.APPROVED
        session.get_one(Letter, original.id).subject = "Another subject"
    take.take(services.sessions, settings_of(services), services.pictures, tmp_path / "moved.backup", now)
    there, before = elsewhere("sqlite"), of_a_press(services.sessions)
    restore(tmp_path / "moved.backup", there, now)
    assert {rows(there)[name] == before[name] for name in ("comments", "copies")} == {True}


READER = "INSERT INTO subscribers VALUES (7, 'ada@x.example', 'ada@x.example', 'Ada', :at)"


@pytest.fixture
def old_backup(tmp_path: Path, now: datetime) -> Path:
    """A backup by the first version that could make one, with one reader in it."""
    path, engine = tmp_path / "old.backup", open_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with engine.begin() as connection, archive.writing_backup(path) as draft:
        migrations_runner.upgrade_to(connection, "0004")
        connection.execute(
            text(READER),
            {"at": "2026-11-20 12:00:00.000000"},
        )
        take._add_tables(draft, connection)
        known = {"format": 1, "revision": "0004", "database": "sqlite", "made_at": now, "key": ""}
        draft.close(Manifest(**known, members=draft.members, last_ids={"subscriptions": 40}, letters=[], issues=[]))
    engine.dispose()
    return path


def test_an_older_backup_is_filled_in_as_it_was_and_then_migrated(
    old_backup: Path, elsewhere: Elsewhere, now: datetime
) -> None:
    there = elsewhere()
    restore(old_backup, there, now)
    assert standing(there) is SchemaState.CURRENT
    (reader,) = rows(there)["subscribers"]
    assert "'ada@x.example', 'Ada', datetime.datetime(2026, 11, 20, 12, 0" in reader


@MOSTLY_SQLITE
def test_a_backup_that_did_not_count_corrections_yet_is_restored(
    backup: Path, forge: Forge, elsewhere: Elsewhere, now: datetime
) -> None:
    with archive.open_archive(backup) as whole:
        told = [each for each in whole.manifest.issues if "correction" not in each["issue"]]
    assert len(told) < len(whole.manifest.issues)
    there = elsewhere()
    restore(forge(issues=told), there, now)
    assert rows(there)["corrections"]


def test_a_database_that_holds_anything_is_left_as_it_is(
    services: Services, backup: Path, settings: Settings, now: datetime
) -> None:
    before = of_a_press(services.sessions)
    with pytest.raises(Conflict, match=r"already contains data .*subscribers.*restore into an empty one"):
        restore(backup, settings, now)
    assert of_a_press(services.sessions) == before


@pytest.mark.slow
def test_an_empty_database_of_this_version_will_do_but_not_beneath_a_worker(
    backup: Path, elsewhere: Elsewhere, now: datetime
) -> None:
    there = elsewhere()
    engine = open_engine(there.database)
    migrations_runner.upgrade(engine)
    with Sessions(engine).begin() as session:
        heartbeat.beat(session, "press-1", now)
    with pytest.raises(Conflict, match="a worker runs on this database; stop it"):
        restore(backup, there, now)
    assert not there.secret_file.exists()
    restore(backup, there, now + timedelta(minutes=1))
    engine.dispose()
    assert rows(there)["subscribers"]


@MOSTLY_SQLITE
@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"tables/subscribers": b"1\tada@x.example\tk\t\\N\t2026-11-20 12:00:00.000000\n"}, "subscribers"),
        ({"tables/copy_notes": b"too few cells\n"}, "copy_notes"),
        ({"tables/copy_notes": b"\xff\t\xfe\n"}, "copy_notes"),
        ({"tables/slots": None}, "its tables are not those of its version"),
        ({"tables/arming": b"1\n"}, "its tables are not those of its version"),
        ({"tables/copies": b""}, "its copies do not stand where it says"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_left_behind(
    forge: Forge, elsewhere: Elsewhere, now: datetime, files, reason: str
) -> None:
    _assert_refused(forge(files), elsewhere(), reason, now)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_row_that_postgresql_refuses_is_named_and_nothing_is_left_behind(
    forge: Forge, elsewhere: Elsewhere, now: datetime
) -> None:
    # SQLite keeps what it is told.
    _assert_refused(forge({"tables/suppressions": b"k\tdesk\tnever\t\n"}), elsewhere(), "suppressions", now)


def _assert_refused(path: Path, there: Settings, reason: str, now: datetime) -> None:
    with pytest.raises(PressError, match=reason):
        restore(path, there, now)
    assert standing(there) is SchemaState.EMPTY
    assert not there.secret_file.exists()
    assert not list(there.data_dir.rglob("*.p[en][gm]"))


@MOSTLY_SQLITE
def test_a_key_that_is_there_is_left_and_a_person_told_how_links_open_again(
    backup: Path, elsewhere: Elsewhere, now: datetime
) -> None:
    there = elsewhere()
    there.data_dir.mkdir(exist_ok=True)
    there.secret_file.write_text("another key, which signs other links")
    (there.data_dir / "dkim").mkdir()
    (there.data_dir / "dkim" / "letters.example.press.pem").write_text("another")
    about_links, about_dkim = restore(backup, there, now)
    assert "SECRET_KEY_FALLBACKS" in about_links
    assert f"`unzip -p {backup} secret_key`" in about_links
    assert "a different key from the backup's;" in about_dkim
    assert there.secret_file.read_text() == "another key, which signs other links"


@MOSTLY_SQLITE
def test_a_key_that_is_set_is_not_in_the_backup_and_the_same_is_wanted_there(
    services: Services, elsewhere: Elsewhere, tmp_path: Path, now: datetime
) -> None:
    path = tmp_path / "set.backup"
    take.take(services.sessions, services.settings, services.pictures, path, now)
    assert "secret_key" not in zipfile.ZipFile(path).namelist()
    assert services.settings.secret not in path.read_bytes()
    there = elsewhere()
    (remark,) = restore(path, there, now)
    assert "the SECRET_KEY of the place where the backup was made" in remark
    same = elsewhere().model_copy(update={"secret_key": services.settings.secret_key})
    assert restore(path, same, now) == []


def _pictures(services: Services, there: Settings) -> tuple[Path, Path]:
    return services.settings.picture_folder, there.picture_folder
