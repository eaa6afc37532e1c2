"""A backup is one instant of the press, and a file that is there whole or not at all."""

import errno
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from newsletter.audience.models import Subscriber, Subscription
from newsletter.backup import archive, tables
from newsletter.backup import take as backup_take
from newsletter.config import Settings
from newsletter.editorial.models import Correction, Picture
from newsletter.errors import Conflict, Invalid, Unavailable
from newsletter.wiring import Services
from tests import sample_services
from tests.waiting import PATIENCE


def take(services: Services, settings: Settings, path: Path, now: datetime) -> backup_take.BackupResult:
    return backup_take.take(services.sessions, settings, services.pictures, path, now)


def test_only_its_owner_may_read_it_and_nothing_lies_beside_it(backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in backup.parent.iterdir() if ".backup" in path.name] == [backup.name]


@pytest.mark.parametrize("kind", ["file", "folder", "link to nowhere"])
def test_nothing_is_written_over(
    services: Services, settings: Settings, tmp_path: Path, now: datetime, kind: str
) -> None:
    path = tmp_path / "press.backup"
    {"file": path.touch, "folder": path.mkdir, "link to nowhere": lambda: path.symlink_to("nowhere")}[kind]()
    with pytest.raises(Conflict, match="backups are never overwritten;"):
        take(services, settings, path, now)
    assert path.is_symlink() or path.is_dir() or path.read_bytes() == b""


def test_of_two_who_choose_one_name_at_once_one_is_refused(
    services: Services, settings: Settings, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "press.backup"
    add_pictures = backup_take._add_pictures
    monkeypatch.setattr(
        backup_take, "_add_pictures", lambda *told: (path.write_text("the other one"), add_pictures(*told))[1]
    )
    with pytest.raises(Conflict, match="backups are never overwritten;"):
        take(services, settings, path, now)
    assert path.read_text() == "the other one"


def test_where_it_cannot_be_written_a_line_says_why(
    services: Services, settings: Settings, tmp_path: Path, now: datetime
) -> None:
    with pytest.raises(Unavailable, match=r"No such file or directory; no backup was made"):
        take(services, settings, tmp_path / "no" / "press.backup", now)


def test_it_is_one_instant_although_others_write_meanwhile(
    services: Services, settings: Settings, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who comes between two tables is in none of them; and nobody has to wait."""
    dump, came = tables.dump, []

    def dump_while_others_write(connection, table, write):
        if table.name == "subscribers":
            newcomer = threading.Thread(target=lambda: came.append(_sign_up(services, now)))
            newcomer.start()
            newcomer.join(PATIENCE)
        return dump(connection, table, write)

    monkeypatch.setattr(tables, "dump", dump_while_others_write)
    counts = take(services, settings, tmp_path / "press.backup", now).manifest.tables
    assert came == [9]
    assert (counts["subscribers"].rows, counts["subscriptions"].rows) == (8, 8)


@pytest.mark.parametrize("loss", ["missing", "empty after a power cut", "damaged", "too large"])
def test_a_picture_that_is_lost_is_named_and_the_rest_is_kept(
    services: Services, settings: Settings, tmp_path: Path, now: datetime, loss: str
) -> None:
    with services.sessions.reading() as session:
        name, *others = session.scalars(select(Picture.file_name).order_by(Picture.file_name))
    path = services.settings.picture_folder / name
    left = {"empty after a power cut": b"", "damaged": path.read_bytes()[:-1] + b"?", "too large": bytes(11 << 20)}
    path.write_bytes(left[loss]) if loss in left else path.unlink()
    taken = take(services, settings, tmp_path / "press.backup", now)
    assert taken.missing == [name]
    with archive.open_archive(tmp_path / "press.backup") as backup:
        assert sorted(backup.named("pictures/")) == others


@pytest.mark.parametrize(
    ("name", "content"), [("letters.example.press.pem", bytes(70_000)), ("Letters of the press.pem", b"a key")]
)
def test_a_key_that_no_restore_would_take_is_named_and_no_backup_is_made(
    services: Services, settings: Settings, tmp_path: Path, now: datetime, name: str, content: bytes
) -> None:
    (settings.dkim_folder / name).write_bytes(content)
    with pytest.raises(Invalid, match=f"{name}: not a key"):
        take(services, settings, tmp_path / "press.backup", now)
    assert not (tmp_path / "press.backup").exists()


def test_keys_that_cannot_be_read_are_not_left_out_in_silence(
    services: Services, settings: Settings, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    # The tests may run as root, to whom every folder is open.
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(Unavailable, match="dkim: Permission denied; no backup was made"):
        take(services, settings, tmp_path / "press.backup", now)


def test_the_counts_of_each_issue_are_in_it(backup: Path) -> None:
    with archive.open_archive(backup) as opened:
        told = {each["issue"]: each for each in opened.manifest.issues}
    one = told["looser-by-degrees"]
    assert (one["audience"], one["pending"], one["sending"]) == (8, 3, 5)


def test_the_counts_of_each_correction_are_in_it(
    services: Services, settings: Settings, tmp_path: Path, now: datetime
) -> None:
    # Whatever fills the table for the other tests is in the way of a correction that was made as people do.
    with services.sessions.begin() as session:
        session.execute(delete(Correction))
    sample_services.correct(services.sessions, services.links, sample_services.WAITING, now)
    told = {each["issue"]: each for each in take(services, settings, tmp_path / "press.backup", now).manifest.issues}
    one = told["looser-by-degrees, correction 1"]
    assert (one["state"], one["audience"], one["pending"]) == ("sending", 8, 8)


def _sign_up(services: Services, now: datetime) -> int:
    email = "zoe@reader.example"
    with services.sessions.begin() as session:
        zoe = Subscription(publication_id=1, created_at=now)
        session.add(Subscriber(email=email, key=email, created_at=now, subscriptions=[zoe]))
        session.flush()
        return zoe.id
