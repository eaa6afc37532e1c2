import csv
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.db import Sessions, open_engine
from newsletter.delivery.smtp.outage import UnreachableServer
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.heartbeat import MailKind

from .conftest import Press

SLUG = "unwind-a-tight-back"


@pytest.fixture
def sending(loaded: Press, tmp_path: Path) -> Press:
    """An issue on its way to two readers, one of whom has a formula for a name."""
    (tmp_path / "readers.csv").write_text("email,name\nada@reader.example,=1+1\nben@reader.example,Ben\n")
    consent = ("--status", "active", "--consent", "the old list")
    for command in (("subscribers", "import", "readers.csv", *consent), ("issues", "send", SLUG, "--now")):
        assert loaded(*command).code == 0
    return loaded


@pytest.fixture
def stopped(sending: Press) -> Press:
    """The same, cancelled before anybody got it."""
    assert sending("issues", "cancel", SLUG).code == 0
    return sending


def test_the_mail_server_that_an_issue_waits_for_is_named(sending: Press, environment: dict[str, str]) -> None:
    engine, now = open_engine(f"sqlite:///{environment['DATA_DIR']}/newsletter.db"), datetime.now(UTC)
    with Sessions(engine).begin() as session:
        heartbeat.beat(
            session, "w", now, {MailKind.ISSUES: UnreachableServer("mail.example.org:587", now, "connection refused")}
        )
    engine.dispose()
    for command in ("status", "show"):
        told = sending("issues", command, SLUG).out
        assert "mail.example.org:587 has accepted no mail since " in told
        assert ": connection refused\n" in told


def test_an_old_issue_is_dropped_after_its_copies_were_written_down(stopped: Press, tmp_path: Path) -> None:
    before = stopped("issues", "status", SLUG, "--json").out
    [row] = json.loads(stopped("ledger", "size", "--json").out)
    assert (row["slug"], row["state"], row["copies"], row["bytes"]) == (SLUG, "cancelled", 2, None)
    asked = stopped("ledger", "drop", "--before", "2099-01-01")
    assert (asked.code, "Nothing was deleted. Add --yes" in asked.out) == (0, True)
    done = stopped("ledger", "drop", SLUG, "--to", "copies.csv", "--yes")
    assert (done.code, done.out) == (0, f"copies.csv: 2 copies written\n{SLUG}: 2 copies dropped\n")
    with (tmp_path / "copies.csv").open(newline="") as file:
        names = {line["address"]: (line["issue"], line["name"], line["state"]) for line in csv.DictReader(file)}
    assert names["ada@reader.example"] == (SLUG, "'=1+1", "skipped")
    assert names["ben@reader.example"] == (SLUG, "Ben", "skipped")
    assert stat.S_IMODE((tmp_path / "copies.csv").stat().st_mode) == 0o600
    assert stopped("issues", "status", SLUG, "--json").out == before
    assert stopped("ledger", "size").out == "no copies are kept\n"
    again = stopped("ledger", "drop", SLUG, "--yes")
    assert (again.code, again.err) == (1, f"{SLUG}: no copies are kept of it\n")


def test_the_copies_of_a_correction_are_told_and_dropped_with_those_of_its_issue(
    corrected: Press, tmp_path: Path
) -> None:
    issue, about = json.loads(corrected("ledger", "size", "--json").out)
    assert (issue["slug"], issue["correction"], issue["state"], issue["copies"]) == (SLUG, None, "sent", 2)
    assert (about["slug"], about["correction"], about["state"], about["copies"]) == (SLUG, 1, "sending", 2)
    running = corrected("ledger", "drop", SLUG)
    assert running.err.startswith(f"{SLUG}, correction 1: it is running; only finished")
    corrected("issues", "cancel", SLUG, "--correction", "1")
    done = corrected("ledger", "drop", "--before", "2099-01-01", "--to", "copies.csv", "--yes")
    assert done.out.splitlines()[1:] == [f"{SLUG}: 2 copies dropped", f"{SLUG}, correction 1: 2 copies dropped"]
    with (tmp_path / "copies.csv").open(newline="") as file:
        assert [line["issue"] for line in csv.DictReader(file)] == [SLUG] * 2 + [f"{SLUG}, correction 1"] * 2
    assert corrected("ledger", "size").out == "no copies are kept\n"


def test_a_file_that_is_there_is_not_written_over_and_then_nothing_is_dropped(stopped: Press, tmp_path: Path) -> None:
    (tmp_path / "copies.csv").write_text("mine")
    answer = stopped("ledger", "drop", SLUG, "--to", "copies.csv", "--yes")
    assert (answer.code, answer.err) == (1, "copies.csv: File exists\n")
    assert (tmp_path / "copies.csv").read_text() == "mine"
    assert json.loads(stopped("ledger", "size", "--json").out)[0]["copies"] == 2


def test_what_is_still_being_sent_is_kept(sending: Press) -> None:
    answer = sending("ledger", "drop", SLUG, "--yes")
    reason = "it is running; only finished or cancelled issues can be dropped"
    assert (answer.code, answer.err) == (1, f"{SLUG}: {reason}\n")
    answer = sending("ledger", "drop", "--before", "2099-01-01", "--yes")
    assert (answer.code, answer.out) == (0, "nothing can be dropped\n")
    assert sending("ledger", "drop", "--yes").code == 2
