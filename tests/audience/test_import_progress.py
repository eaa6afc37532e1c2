"""An import that is broken off goes on where it was, and one that is paused or cancelled stops."""

import hashlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from newsletter.audience.importing import importer, progress
from newsletter.audience.importing.plan import ImportStep, ImportTerms, Tally
from newsletter.audience.importing.progress import Import, ImportState
from newsletter.audience.importing.reading import stretches
from newsletter.audience.importing.uploads import models as uploads
from newsletter.audience.models import ConsentEvent, ImportedFile, Status
from newsletter.errors import Conflict
from tests.audience.opening import import_steps

TERMS = ImportTerms(Status.ACTIVE, "the old list")
OPERATOR = "ute@press.example"


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "GROUP", 3)
    monkeypatch.setattr(stretches, "STRETCH", 10)
    monkeypatch.setattr(stretches, "PART", 4)


@pytest.fixture
def path(write: Callable[..., Path]) -> Path:
    """25 readers in no order, and a row to refuse in each stretch."""
    rows = [f"reader{number * 7 % 25}@example.org" for number in range(25)]
    return write("\n".join(["email", *rows[:4], "nonsense", *rows[4:14], "", *rows[14:], "nonsense"]) + "\n")


def steps(
    press, path: Path, terms: ImportTerms = TERMS, operator: str = OPERATOR, **how: object
) -> Iterator[ImportStep]:
    return import_steps(press, path, terms, operator=operator, **how)


def total(some: Iterator[ImportStep]) -> Tally:
    return sum((step.tally for step in some), Tally())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_wherever_it_is_broken_off_no_row_is_done_twice_and_none_is_left_out(press, path: Path) -> None:
    for broken_after in range(1, 14):
        terms = ImportTerms(Status.ACTIVE, f"the list, broken off after {broken_after}")
        with press.sessions.begin() as session:
            counted = session.scalar(select(func.count()).select_from(ConsentEvent))
        list(itertools.islice(steps(press, path, terms), broken_after))
        if broken_after == 1:
            assert counted == 0
        again = list(steps(press, path, terms))
        assert total(iter(again)).refused == 2
        sums = total(iter(again))
        assert (sums.added, sums.already) == ((25, 0) if broken_after == 1 else (0, 25))
    with press.sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 25
        assert set(session.scalars(select(Import.state))) == {ImportState.DONE}


def test_each_step_of_consent_names_the_file_its_line_and_who_imported_it(press, path: Path) -> None:
    list(itertools.islice(steps(press, path), 3))
    list(steps(press, path))
    with press.sessions.reading() as session:
        (file,) = session.scalars(select(ImportedFile))
        lines = sorted(session.scalars(select(ConsentEvent.line).where(ConsentEvent.file_id == file.id)))
    assert file.operator == OPERATOR
    assert lines == [*range(2, 6), *range(7, 17), *range(18, 29)]


def test_a_group_that_fails_is_undone_and_done_again(press, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = progress.advance, iter([True, True, False])

    def advance(*args: object) -> None:
        real(*args)
        if not next(calls, True):
            raise RuntimeError("the machine went down")

    monkeypatch.setattr(progress, "advance", advance)
    with pytest.raises(RuntimeError):
        list(steps(press, path))
    with press.sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 6
    assert total(steps(press, path)) == Tally(added=25, refused=2)


def test_who_pauses_or_cancels_it_stops_it_at_the_next_group(press, path: Path) -> None:
    for state in (ImportState.PAUSED, ImportState.CANCELLED):
        running = steps(press, path)
        next(step for step in running if step.tally.added or step.tally.already)
        with press.sessions.begin() as session:
            session.execute(update(Import).where(Import.state == ImportState.RUNNING).values(state=state))
        with pytest.raises(Conflict, match=f"this import was stopped: it is {state}; what it did so far stays"):
            list(running)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_another_process_that_does_the_same_import_stops_this_one(press, path: Path) -> None:
    running = steps(press, path)
    next(step for step in running if step.tally.added)
    assert total(steps(press, path)) == Tally(added=25, refused=2)
    with pytest.raises(Conflict, match="this import was stopped"):
        list(running)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_is_imported_on_other_terms_begins_anew(press, path: Path) -> None:
    list(itertools.islice(steps(press, path), 4))
    other = ImportTerms(Status.ACTIVE, "another list")
    assert not any(step.resumed for step in steps(press, path, other))
    assert states(press) == [ImportState.CANCELLED, ImportState.DONE]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_new_import_ends_the_broken_off_ones_of_the_same_file_name_but_none_of_an_upload(press, path: Path) -> None:
    def broken_off(content: bytes, operator: str = OPERATOR, to: Path = path) -> None:
        to.write_bytes(content)
        list(itertools.islice(steps(press, to, operator=operator), 3))

    content = path.read_bytes()
    with press.sessions.begin() as session:
        stored = "0" * 32, hashlib.sha256(content).hexdigest(), len(content)
        upload = uploads.add_upload(session, press.publication, path.name, stored, OPERATOR, press.now)
        upload_id = upload.id
    broken_off(content)
    with press.sessions.begin() as session:
        session.get_one(uploads.ImportUpload, upload_id).import_id = session.scalar(select(Import.id))
    broken_off(content + b"a@example.org\n")
    broken_off(content + b"b@example.org\n", "ida@press.example")
    broken_off(content + b"c@example.org\n", to=path.with_name("another.csv"))
    path.write_bytes(content + b"d@example.org\n")
    list(steps(press, path))
    assert states(press) == [
        ImportState.RUNNING,
        ImportState.CANCELLED,
        ImportState.RUNNING,
        ImportState.RUNNING,
        ImportState.DONE,
    ]


def states(press) -> list[ImportState]:
    with press.sessions.reading() as session:
        return list(session.scalars(select(Import.state).order_by(Import.id)))
