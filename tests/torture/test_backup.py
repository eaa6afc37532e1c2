"""A backup in mid-issue, restored elsewhere, and a copied database: nothing goes out before a person says so."""

import contextlib
import json
import random
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, make_url, select

from newsletter import schema
from newsletter.audience.models import Subscriber
from newsletter.db import Sessions, open_engine
from newsletter.delivery.models import CopyState
from newsletter.schema import SchemaState
from tests.servers import create_database, drop_database
from tests.torture import press as presses
from tests.torture.conftest import Tell
from tests.torture.press import SLUG, Press, Worker, wait_for
from tests.torture.sink import Tally

READERS = 400
MANY = 20_000
_CRAWL = 2.0
"""Seconds that a copy takes while a backup is made: nothing is through before it is, however slow the machine."""
_QUIET = 3.0
"""Seconds in which a worker that might send would have sent dozens of copies."""
_UNSENT = {CopyState.PENDING, CopyState.SENDING}


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    """A database of the same kind with nothing in it, in another place."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'elsewhere' / 'newsletter.db'}"
        return
    server, name = request.getfixturevalue("postgres_server"), f"press_{uuid.uuid4().hex}"
    yield create_database(server, name)
    drop_database(server, name)


@pytest.fixture
def elsewhere(press: Press, empty_url: str, tmp_path: Path) -> Iterator[Press]:
    """Another installation in that place, with nothing in it, and with the same mail server."""
    with _installed(press, empty_url, tmp_path / "elsewhere") as other:
        yield other


@pytest.fixture
def in_mid_issue(press: Press, tally: Tally) -> Worker:
    """A worker that has sent a quarter of an issue, and goes on, but slowly."""
    presses.stock(press.sessions, press.folder / "var", READERS)
    press.send()
    tally.delay = 0.02
    worker = press.start()
    wait_for(lambda: len(tally.taken) > READERS / 4, [worker])
    tally.delay = _CRAWL
    return worker


def test_a_backup_in_mid_issue_sends_nothing_until_it_is_armed_and_then_exactly_the_rest(
    press: Press, elsewhere: Press, in_mid_issue: Worker, tally: Tally, tell: Tell, tmp_path: Path
) -> None:
    before = len(tally.taken)
    taken = json.loads(press.run("backup", str(tmp_path / "press.backup"), "--json"))
    after = len(tally.taken)
    assert after < READERS
    tally.delay = 0.0
    wait_for(press.all_settled, [in_mid_issue])
    in_mid_issue.stop()
    sent_by_the_first = list(tally.taken)

    restored = json.loads(elsewhere.run("restore", str(tmp_path / "press.backup"), "--json"))
    assert restored["issues"] == taken["issues"]
    (issue,) = taken["issues"]
    assert elsewhere.status() == {name: value for name, value in issue.items() if name != "issue"}
    assert issue["audience"] == READERS == sum(issue[state] for state in CopyState)
    assert before - presses.CONNECTIONS <= issue["sent"] <= after

    unsent = {address for address, copy in elsewhere.copies().items() if copy.state in _UNSENT}
    _require_silent(elsewhere, tally)
    assert tally.taken == sent_by_the_first
    worker = elsewhere.workers[0]
    elsewhere.run("arm", "--yes")
    wait_for(elsewhere.all_settled, [worker])
    again = Counter(reader for reader, _ in tally.taken[len(sent_by_the_first) :])
    assert again == Counter(unsent)
    assert tally.one_message_id_each
    assert elsewhere.states() == {CopyState.SENT: READERS}
    worker.stop()
    lost = len(presses.addresses(READERS) - tally.recipients.keys())
    tell("backup in mid-issue, restored", copies=READERS, lost=lost, in_doubt=0, twice=0)


def test_with_doubts_on_hold_what_was_begun_at_the_backup_waits_for_a_person(
    press: Press, elsewhere: Press, in_mid_issue: Worker, tally: Tally, tmp_path: Path
) -> None:
    # One copy at least is not answered before the worker is gone: between two answers nothing might be begun.
    before, tally.delay = len(tally.taken), presses.PATIENCE
    wait_for(lambda: len(tally.taken) > before, [in_mid_issue])
    press.run("backup", str(tmp_path / "press.backup"))
    in_mid_issue.kill()
    tally.delay = 0.0
    elsewhere.run("restore", str(tmp_path / "press.backup"))
    begun = sum(elsewhere.begun().values())
    assert 0 < begun <= presses.CONNECTIONS
    elsewhere.environment["IN_DOUBT"] = "hold"
    elsewhere.run("arm", "--yes")
    worker = elsewhere.start()
    wait_for(elsewhere.all_settled, [worker])
    assert elsewhere.states() == {CopyState.SENT: READERS - begun, CopyState.IN_DOUBT: begun}
    assert len(json.loads(elsewhere.run("issues", "doubts", SLUG, "--json"))) == begun


def test_a_copy_of_a_database_that_is_sending_sends_nothing(
    request: pytest.FixtureRequest, press: Press, in_mid_issue: Worker, tally: Tally, tmp_path: Path
) -> None:
    """`cp` while it is sending; on PostgreSQL CREATE DATABASE … TEMPLATE, which wants it to itself."""
    if press.sessions.embedded:
        (tmp_path / "copied").mkdir()
        url = f"sqlite:///{tmp_path / 'copied' / 'newsletter.db'}"
        # By another process: whoever opens and closes the file here lets go of all locks that SQLite holds here.
        subprocess.run(["cp", *tmp_path.glob("newsletter.db*"), tmp_path / "copied"], check=True)
        in_mid_issue.stop()
    else:
        in_mid_issue.stop()
        press.sessions.engine.dispose()
        server = request.getfixturevalue("postgres_server")
        name = make_url(press.environment["DATABASE_URL"]).database
        url = create_database(server, f"{name}_copy", name)
        request.addfinalizer(lambda: drop_database(server, f"{name}_copy"))
    assert len(tally.taken) < READERS
    tally.delay = 0.0
    with _installed(press, url, tmp_path / "copied") as copied:
        assert {CopyState.PENDING} <= copied.states().keys()
        _require_silent(copied, tally)
        copied.workers[0].stop()
    goes_on = press.start()
    wait_for(press.all_settled, [goes_on])
    assert (tally.twice, len(tally.recipients)) == ([], READERS)


def test_a_backup_onto_a_full_disk_says_so_and_leaves_nothing(press: Press, in_mid_issue: Worker, disk: Path) -> None:
    assert in_mid_issue.process.poll() is None
    with _full(disk):
        refused = press.begin("backup", str(disk / "press.backup"))
        _, error = refused.communicate(timeout=presses.PATIENCE)
        assert refused.returncode == 1
        assert error.splitlines()[-1] == f"{disk / 'press.backup'}: No space left on device; no backup was made"
        assert "Traceback" not in error
        assert [path.name for path in disk.iterdir()] == ["ballast"]
    press.run("backup", str(disk / "press.backup"))
    assert [path.name for path in disk.iterdir()] == ["press.backup"]


@pytest.fixture
def stocked(press: Press, tmp_path: Path) -> Path:
    """A backup of a press with twenty thousand readers."""
    presses.stock(press.sessions, press.folder / "var", MANY)
    press.run("backup", str(tmp_path / "large.backup"))
    return tmp_path / "large.backup"


def test_a_restore_that_is_killed_at_any_instant_leaves_an_empty_place_to_restore_into(
    elsewhere: Press, stocked: Path, chance: random.Random
) -> None:
    seconds = _seconds(lambda: elsewhere.run("restore", str(stocked), "--check"))
    for _ in range(4):
        process = elsewhere.begin("restore", str(stocked))
        time.sleep(chance.uniform(0.5, 1.5) * seconds)
        process.kill()
        process.communicate()
        if _standing(elsewhere) is SchemaState.CURRENT:
            break  # it was through already
    else:
        assert _standing(elsewhere) is SchemaState.EMPTY
        elsewhere.run("restore", str(stocked))
    with elsewhere.sessions.reading() as session:
        assert session.scalar(select(func.count(Subscriber.id))) == MANY


def test_a_restore_onto_a_full_disk_says_so_and_leaves_an_empty_place(press: Press, stocked: Path, disk: Path) -> None:
    with _installed(press, f"sqlite:///{disk / 'newsletter.db'}", disk) as small:
        small.environment["DATA_DIR"] = str(disk)
        with _full(disk, room=2_000_000):
            refused = small.begin("restore", str(stocked))
            _, error = refused.communicate(timeout=presses.PATIENCE)
            assert refused.returncode == 1
            assert "full" in error.splitlines()[-1]
            assert "Traceback" not in error
        assert _standing(small) is SchemaState.EMPTY
        small.run("restore", str(stocked))


def _require_silent(press: Press, tally: Tally) -> None:
    """A worker runs there, says once why it sends nothing, and sends nothing."""
    sent = len(tally.taken)
    worker = press.start()

    def reasons() -> list[str]:
        return [event["level"] for event in worker.events if "`newsletter arm`" in event["event"]]

    wait_for(lambda: reasons() != [], [worker])
    time.sleep(_QUIET)
    assert len(tally.taken) == sent
    assert reasons() == ["warning"]


@contextlib.contextmanager
def _installed(press: Press, url: str, folder: Path) -> Iterator[Press]:
    folder.mkdir(exist_ok=True)
    environment = press.environment | {"DATABASE_URL": url, "DATA_DIR": str(folder / "var")}
    engine = open_engine(url)
    with presses.opened(Sessions(engine), folder, environment) as other:
        yield other
    engine.dispose()


@contextlib.contextmanager
def _full(disk: Path, room: int = 0) -> Iterator[None]:
    """Hardly any room is left on it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    with ballast.open("r+b") as file:
        file.truncate(ballast.stat().st_size - room)
    yield
    ballast.unlink()


def _standing(press: Press) -> SchemaState:
    press.sessions.engine.dispose()
    return schema.schema_state(press.sessions.engine)


def _seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began
