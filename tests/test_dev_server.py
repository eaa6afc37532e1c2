"""`newsletter up` as it is run: real processes, real signals, and nothing left behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from newsletter import migrations_runner
from newsletter.config import Settings
from newsletter.db import open_engine
from newsletter.errors import Refused
from newsletter.processes import dev_server
from newsletter.system import lifeline
from tests.originals import Originals, empty
from tests.ports import free_port
from tests.test_lifeline import as_from_a_terminal

ROOT = Path(__file__).parents[1]
PATIENCE = 240


class Laptop:
    """`newsletter up` in a folder and a process group of its own, and all that it and its parts say."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port, self.inbox_port = free_port(), free_port()
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        places = {"DATA_DIR": str(folder), "PORT": str(self.port), "INBOX_PORT": str(self.inbox_port)}
        with as_from_a_terminal():
            self.process = subprocess.Popen(
                [sys.executable, "-m", "newsletter", "up"],
                cwd=folder,
                env=kept | places | {"LOG_FORMAT": "json", "PYTHONPATH": str(ROOT)} | settings,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self._lines: list[str] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def said(self) -> str:
        return "".join(self._lines)

    def wait_until_said(self, words: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while words not in self.said:
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def parts(self) -> dict[str, int]:
        """The process ids of the parts that were started, by name, in their order."""
        events = [json.loads(line) for line in self._lines if line.startswith("{")]
        return {event["part"]: event["pid"] for event in events if event["event"] == "part started"}

    def end(self) -> int:
        """The exit code, once no process is left: every part shares the output, so it ends with the last of them."""
        self._listener.join(PATIENCE)
        assert not self._listener.is_alive(), f"a process was left behind: {self.said}"
        return self.process.wait(PATIENCE)

    def clear_away(self) -> None:
        for pid in (self.process.pid, *self.parts().values()):
            if self._listener.is_alive():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self._listener.join()
        self.process.stdout.close()

    def _listen(self) -> None:
        self._lines.extend(self.process.stdout)


Start = Callable[..., Laptop]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Laptop] = []

    def start(**settings: str) -> Laptop:
        started.append(Laptop(tmp_path, **settings))
        return started[-1]

    yield start
    for each in started:
        each.clear_away()


@pytest.fixture
def up(start: Start, originals: Originals, tmp_path: Path) -> Iterator[Laptop]:
    """Started on a database that needs no migration, and ready."""
    with originals.copy("sqlite", empty, tmp_path):
        made = start()
        made.wait_until_said("Ctrl-C stops it")
        yield made


def test_ctrl_c_reaches_the_whole_group_and_the_parts_still_stop_in_order(start: Start) -> None:
    up = start()
    up.wait_until_said("Ctrl-C stops it")
    assert list(up.parts()) == ["inbox", "serve", "worker"]
    assert {os.getpgid(pid) for pid in up.parts().values()} == {os.getpgid(up.process.pid)}
    os.killpg(up.process.pid, signal.SIGINT)
    assert up.end() == 0
    assert "Traceback" not in up.said
    assert up.said.index("worker stopped") < up.said.index("web server stopped")
    assert_free(up.port, up.inbox_port)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_up_alone_stops_it_all(up: Laptop, number: signal.Signals) -> None:
    up.process.send_signal(number)
    assert up.end() == 0
    assert "Traceback" not in up.said
    assert up.said.index("worker stopped") < up.said.index("web server stopped")
    assert_free(up.port, up.inbox_port)


@pytest.mark.slow
def test_a_terminal_that_is_closed_leaves_no_orphan(up: Laptop) -> None:
    os.killpg(up.process.pid, signal.SIGHUP)
    assert up.end() == 0
    assert_free(up.port, up.inbox_port)


@pytest.mark.slow
def test_a_kill_of_up_takes_its_parts_along(up: Laptop) -> None:
    up.process.kill()
    assert up.end() == -signal.SIGKILL
    assert "Traceback" not in up.said
    assert_free(up.port, up.inbox_port)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["inbox", "serve", "worker"])
def test_a_part_that_dies_by_itself_is_named_and_stops_the_rest(up: Laptop, part: str) -> None:
    os.kill(up.parts()[part], signal.SIGKILL)
    assert up.end() == 1
    assert f"the {part} part ended by itself" in up.said
    assert_free(up.port, up.inbox_port)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ['"part": "inbox"', '"part": "worker"'])
def test_ctrl_c_before_all_is_ready_leaves_nothing_either(start: Start, moment: str) -> None:
    up = start()
    up.wait_until_said(moment)
    os.killpg(up.process.pid, signal.SIGINT)
    assert up.end() == 0
    assert "Traceback" not in up.said


@pytest.mark.slow
def test_a_copied_database_comes_up_and_says_that_it_sends_nothing(start: Start, tmp_path: Path) -> None:
    database = tmp_path / "newsletter.db"
    engine = open_engine(f"sqlite:///{tmp_path / 'first.db'}")
    migrations_runner.upgrade(engine)
    engine.dispose()
    shutil.copy(tmp_path / "first.db", database)
    up = start()
    up.wait_until_said("Ctrl-C stops it")
    assert "`newsletter arm`" in up.said.partition("Desk ")[2]
    up.process.terminate()
    assert up.end() == 0


@pytest.mark.slow
def test_the_inbox_port_may_be_taken_where_a_mail_server_makes_the_inbox_needless(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        up = start(INBOX_PORT=port, MAIL_SERVER="mail.invalid")
        up.wait_until_said("Ctrl-C stops it")
        assert list(up.parts()) == ["serve", "worker"]
        up.process.terminate()
        assert up.end() == 0
        refused = start(INBOX_PORT=port)
        assert refused.end() == 1
        assert refused.said == f"port {port} is taken; set INBOX_PORT to a free one\n"


@pytest.mark.slow
def test_a_second_one_on_the_same_data_is_refused_and_told_which_process_holds_it(start: Start) -> None:
    up = start()
    up.wait_until_said('"part": "inbox"')
    refused = start()
    assert refused.end() == 1
    holder = f"`newsletter up` (process {up.process.pid}, http://127.0.0.1:{up.port})"
    assert f"{holder} is already running on the data" in refused.said
    assert "stop it first, or set DATA_DIR to another folder" in refused.said


def test_issues_go_to_the_inbox_too_whatever_the_settings_for_bulk_mail_say(tmp_path: Path) -> None:
    bulk = {"bulk_mail_server": "bulk.example.org", "bulk_mail_use_tls": True}
    with socket.create_server(("127.0.0.1", 0)) as inbox:
        environment = dev_server._environment(Settings(_env_file=None, data_dir=tmp_path, **bulk), inbox)
        port = inbox.getsockname()[1]
    told = {name.lower(): value for name, value in environment.items() if name.startswith(("MAIL_", "BULK_MAIL_"))}
    settings = Settings(_env_file=None, **told)
    assert settings.mail == settings.bulk_mail
    assert (settings.mail.host, settings.mail.port) == ("127.0.0.1", port)


def test_nobody_else_is_given_the_port_for_mail_while_the_inbox_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_command: list[str], environment: Mapping[str, str], *_: object) -> None:
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", int(environment["MAIL_PORT"])))
        raise Refused("the inbox was to start")

    monkeypatch.setattr(dev_server, "_start", start)
    monkeypatch.setattr(lifeline, "watch_stop_signals", list)
    with pytest.raises(Refused, match="the inbox was to start"):
        dev_server._supervise(Settings(_env_file=None, data_dir=tmp_path), dev_server._Welcome(None, may_send=True))


def assert_free(*ports: int) -> None:
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()
