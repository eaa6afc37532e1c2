"""Large lists are read in a process of their own: real processes, one of them killed."""

import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from newsletter.audience import subscribers
from newsletter.audience.importing.column_fields import DEFAULT_CHOICES, ColumnChoices
from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.plan import ImportTerms
from newsletter.audience.importing.reading import files, list_rows, reader_process, stretches
from newsletter.audience.importing.reading.list_rows import ImportRow
from newsletter.audience.importing.reading.stretches import Stretch
from newsletter.audience.models import ConsentEvent, Status
from newsletter.errors import Invalid, Unavailable
from newsletter.system import lifeline
from tests.audience.opening import import_list, import_steps

ACTIVE = ImportTerms(Status.ACTIVE, "the old list")
KINDS = (
    "email,name,status,paused_until,labels,Town,delivery_hour\n"
    "zoe@example.org,Zoë,active,,Guests;Band,Łódź,\n"
    "ada@example.org,,unsubscribed,,,,\n"
    "nobody,,active,,,,\n"
    "bob@example.org,Bob,bounced,,,,\n"
)
MANY = [f"reader{number}@example.org,Guests" for number in range(stretches.STRETCH_OF_MORE + 4_000)]
CHOICES = ColumnChoices({"labels": FieldKind.TAGS}, frozenset({"delivery_hour", "paused_until"}))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Each reader that is started, as every list has one here; none outlives its test."""
    processes: list[subprocess.Popen[bytes]] = []
    start_module = lifeline.start_module

    def noting(*how: Any, **more: Any) -> subprocess.Popen[bytes]:
        processes.append(start_module(*how, **more))
        return processes[-1]

    monkeypatch.setattr(lifeline, "start_module", noting)
    monkeypatch.setattr(reader_process, "SMALL", 0)
    yield processes
    for process in processes:
        with process:
            process.kill()


def whole(read: Iterator[Stretch]) -> list[tuple[Stretch, list[ImportRow]]]:
    return [(one._replace(parts=()), list(one.rows())) for one in read]


def test_a_process_reads_what_would_be_read_here(
    write: Callable[..., Path], started: list[subprocess.Popen[bytes]]
) -> None:
    with files.open_file(write(KINDS, "utf-16"), "utf-16") as file:
        apart = whole(reader_process.read_ahead(file, CHOICES, "plain"))
        in_place = whole(stretches.read_stretches(file, CHOICES, "plain"))
    assert apart == in_place
    ((_, rows),) = apart
    assert [row.name or row.status for row in rows] == [Status.UNSUBSCRIBED, "Bob", "Zoë"]
    assert len(started) == 1


def test_a_stretch_of_long_rows_is_shorter(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "LARGEST", 100_000)
    monkeypatch.setattr(stretches, "AT_ONCE", 10)
    path = write("email,about\n" + "".join(f"reader{number}@example.org,{'x' * 3_000}\n" for number in range(150)))
    with files.open_file(path) as file:
        found = whole(stretches.read_stretches(file))
    # The rows by which the columns are recognised have been read before.
    assert [len(rows) for _, rows in found] == [list_rows.SAMPLE + 40, 40, 20]


def test_what_is_wrong_with_a_list_is_said_as_if_it_were_read_here(
    write: Callable[..., Path], started: list[subprocess.Popen[bytes]]
) -> None:
    with (
        files.open_file(write("who\nada\n")) as file,
        pytest.raises(Invalid, match="line 1: no column is called email"),
    ):
        whole(reader_process.read_ahead(file, DEFAULT_CHOICES, ""))
    assert len(started) == 1


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux tells another process's environment")
def test_a_reader_is_told_no_secret_and_ends_when_nobody_wants_its_rows(
    write: Callable[..., Path], started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "a secret for tests")
    monkeypatch.delenv("TZ", raising=False)
    # Its second stretch is more than a pipe holds, so it does not end by itself.
    with files.open_file(write("\n".join(["email,tags", *MANY]))) as file:
        reading = reader_process.read_ahead(file, DEFAULT_CHOICES, "")
        next(reading)
        known = Path(f"/proc/{started[0].pid}/environ").read_bytes().split(b"\0")
        reading.close()
    assert {entry.partition(b"=")[0] for entry in known if entry} == {b"PYTHONPATH", b"PYTHONSAFEPATH"}
    assert started[0].returncode is not None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_import_whose_reader_is_killed_goes_on_where_it_was(
    press, write: Callable[..., Path], started: list[subprocess.Popen[bytes]]
) -> None:
    path = write("\n".join(["email,tags", *MANY]))
    steps = import_steps(press, path, ACTIVE)
    next(steps)
    started[0].kill()
    with pytest.raises(Unavailable, match="it goes on where it was"):
        list(steps)
    assert import_list(press, path, ACTIVE).added == len(MANY)
    with press.sessions.reading() as session:
        assert subscribers.audience_size(session, press.publication.id) == len(MANY)
        assert session.scalar(select(func.count(ConsentEvent.id))) == len(MANY)


def test_the_signal_that_stops_all_processes_of_a_service_leaves_stopping_to_the_importer(
    write: Callable[..., Path], started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    start_module = lifeline.start_module

    def asked_to_stop(*how: Any, **more: Any) -> subprocess.Popen[bytes]:
        start_module(*how, **more).terminate()
        return started[-1]

    monkeypatch.setattr(lifeline, "start_module", asked_to_stop)
    with files.open_file(write(KINDS)) as file:
        assert [one.length for one in reader_process.read_ahead(file, CHOICES, "")] == [3]


def test_a_moment_without_an_offset_means_the_same_in_a_large_list_as_in_a_small_one(
    write: Callable[..., Path], started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    path = write("email,status,paused_until\nzoe@example.org,paused,2027-01-05\n")
    try:
        with files.open_file(path) as file:
            in_place = whole(stretches.read_stretches(file, DEFAULT_CHOICES, "newsletter-press"))
            ((_, [row]),) = apart = whole(reader_process.read_ahead(file, DEFAULT_CHOICES, "newsletter-press"))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert apart == in_place
    assert row.paused_until == datetime(2027, 1, 5, 5, tzinfo=UTC)
    assert len(started) == 1


def test_a_reader_that_ends_before_it_is_told_what_to_read_says_so(
    write: Callable[..., Path], started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    start_module = lifeline.start_module

    def killed(*how: Any, **more: Any) -> subprocess.Popen[bytes]:
        start_module(*how, **more).kill()
        started[-1].wait()
        return started[-1]

    monkeypatch.setattr(lifeline, "start_module", killed)
    with (
        files.open_file(write(KINDS)) as file,
        pytest.raises(Unavailable, match=r"list\.csv: the process that reads it ended with code -9"),
    ):
        whole(reader_process.read_ahead(file, CHOICES, ""))
