"""What this machine and the database tell the doctor, on both databases."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from newsletter.config import Settings
from newsletter.db import Sessions, open_engine
from newsletter.delivery.bounces import webhooks
from newsletter.delivery.bounces.intake import mailbox_lease, tally
from newsletter.delivery.models import OutboxMessage
from newsletter.delivery.workers import heartbeat
from newsletter.doctor import gather, gather_here
from newsletter.doctor.facts import DatabaseFacts
from newsletter.system import data_folder


def look(sessions: Sessions, now: datetime) -> DatabaseFacts:
    with sessions.reading() as session:
        return gather_here.look_at_database(session, sessions, now)


def test_a_new_database_has_its_size_and_nothing_that_waits(sessions: Sessions, now: datetime) -> None:
    found = look(sessions, now)
    assert (found.fault, found.schema) == ("", "")
    assert found.size > 100_000
    assert found.sync
    assert (found.workers, found.oldest_mail, found.oldest_copies, dict(found.heard)) == (0, None, None, {})
    assert (found.clock is None) == sessions.embedded


def test_workers_waiting_mail_and_what_was_heard_are_told(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        heartbeat.beat(session, "one", now)
        webhooks.note_seen(session, "postmark", now - timedelta(hours=2))
        tally.count_mail(session, "pipe", "bounce", now - timedelta(hours=1))
        session.add(
            OutboxMessage(
                kind="confirm",
                sender_name="Press",
                sender_address="p@example.org",
                address="ada@example.org",
                subject="s",
                html="h",
                text="t",
                created_at=now,
                not_before=now - timedelta(hours=3),
            )
        )
    found = look(sessions, now)
    assert found.workers == 1
    assert found.oldest_mail == now - timedelta(hours=3)
    assert found.heard == {"postmark": now - timedelta(hours=2), "pipe": now - timedelta(hours=1)}


def test_a_mailbox_that_is_read_and_fails_again_and_again_is_told(sessions: Sessions, now: datetime) -> None:
    unread = []
    for _ in range(2):
        with sessions.begin() as session:
            assert mailbox_lease.claim_mailbox(session, "press at imap", "one", now)
            now = mailbox_lease.record_failure(session, "press at imap", "one", now, "it does not answer", left=None)
        unread.append(look(sessions, now).unread_mailboxes)
    assert unread == [{}, {"press at imap": "it does not answer"}]
    assert look(sessions, now + timedelta(hours=3)).unread_mailboxes == {}, "nobody reads it any more"


def test_a_database_that_is_not_there_or_empty_is_told_and_the_rest_goes_on(tmp_path: Path, now: datetime) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    empty = Sessions(open_engine(f"sqlite:///{tmp_path}/empty.db"))
    assert "newsletter db upgrade" in gather.gather(settings, empty, now).database.schema
    away = Sessions(open_engine("postgresql+psycopg://press@127.0.0.1:9/press"))
    assert "refused" in gather.gather(settings, away, now).database.fault


def test_files_that_others_can_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o700)
    Path(".env").write_text("SECRET_KEY=x", encoding="utf-8")
    Path(".env").chmod(0o644)
    settings = Settings(_env_file=None, data_dir=tmp_path)
    assert gather_here.look_at_machine(settings, None).open_files == (".env",)


def test_the_last_backup_is_known_as_long_as_its_note_can_be_read(tmp_path: Path, now: datetime) -> None:
    assert data_folder.last_backup(tmp_path) is None
    data_folder.note_backup(tmp_path, now)
    assert data_folder.last_backup(tmp_path) == now
    (tmp_path / "last_backup").write_text("soon", encoding="utf-8")
    assert data_folder.last_backup(tmp_path) is None
