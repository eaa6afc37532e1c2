"""A press in a process of its own, killed or stopped by a signal in the middle of its run.

That `newsletter worker` does the same is shown in tests/worker: a kill and a stop on SQLite, two at once on both.
"""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from peers import honest, parsed, readers

from newsletter.delivery import ledger

CONNECTIONS = 3
PATIENCE = 240
PROGRAM = """
import signal, sys
from newsletter.mail_settings import MailServer
from newsletter.db import Sessions, open_engine
from newsletter.delivery.rate_limit.limits import Limits
from newsletter.delivery.bulk.sender import BulkSender
from newsletter.delivery.bulk.settings import BulkSettings
from newsletter.links import Links
from newsletter.tokens import TokenSeal

url, port, worker = sys.argv[1:]
links = Links("https://letters.example.org", TokenSeal(b"a secret for tests"))
settings = BulkSettings(MailServer("127.0.0.1", int(port)), links, Limits(connections=3))
press = BulkSender(Sessions(open_engine(url)), settings, worker=worker)
signal.signal(signal.SIGTERM, lambda *_: press.stop())
while press.run_once():
    pass
"""


@pytest.fixture
def now() -> datetime:
    """The press runs by its own clock here, so the letter has to be due by that."""
    return datetime.now(UTC)


@pytest.fixture
def start(database_url: str) -> Iterator[Callable[[int, str], subprocess.Popen[bytes]]]:
    """Starts a press; a test that fails leaves none running."""
    with ExitStack() as ends:

        def run(port: int, worker: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen([sys.executable, "-c", PROGRAM, database_url, str(port), worker])
            ends.callback(process.wait)
            ends.callback(process.kill)
            return process

        yield run


@pytest.mark.slow
def test_after_a_kill_nobody_is_lost_and_few_are_in_doubt(running, sessions, start, mailbox, counts) -> None:
    letter = running(readers(150))
    mailbox.delay = 0.005
    in_doubt = 0
    with honest(mailbox) as peer:
        for kill in range(3):
            _end(start(peer.port, f"killed-{kill}"), mailbox, 30 * (kill + 1), signal.SIGKILL)
            with sessions.begin() as session:
                recovered = ledger.recover(session, datetime.now(UTC) + 2 * ledger.LEASE, "resend")
            assert len(recovered.again) <= CONNECTIONS
            in_doubt += len(recovered.again)
        assert start(peer.port, "last").wait(PATIENCE) == 0
    assert set(mailbox.recipients) == set(readers(150))
    assert counts(letter).sent == 150
    assert len(mailbox.taken) - 150 <= in_doubt
    assert _message_ids_differ_by_reader_only(mailbox)


@pytest.mark.slow
def test_a_term_leaves_nobody_twice_and_nothing_in_doubt(running, start, mailbox, counts) -> None:
    letter = running(readers(150))
    mailbox.delay = 0.005
    with honest(mailbox) as peer:
        for stop in range(2):
            assert _end(start(peer.port, f"stopped-{stop}"), mailbox, 30, signal.SIGTERM) == 0
            end = counts(letter)
            assert (end.sending, end.in_doubt) == (0, 0)
            assert end.sent == len(mailbox.taken)
        assert start(peer.port, "last").wait(PATIENCE) == 0
    assert mailbox.recipients == readers(150)


@pytest.mark.slow
def test_two_processes_at_once_send_each_copy_once(running, start, mailbox) -> None:
    running(readers(150))
    with honest(mailbox) as peer:
        for process in [start(peer.port, worker) for worker in ("one", "two")]:
            assert process.wait(PATIENCE) == 0
    assert mailbox.recipients == readers(150)


def _end(process: subprocess.Popen[bytes], mailbox, after: int, number: signal.Signals) -> int:
    """Send the signal once so many more messages have come, and wait for the end."""
    enough = len(mailbox.taken) + min(after, 40)
    while len(mailbox.taken) < enough and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(number)
    return process.wait(PATIENCE)


def _message_ids_differ_by_reader_only(mailbox) -> bool:
    pairs = {(recipient, parsed(content)["Message-ID"]) for _, recipient, content in mailbox.taken}
    return max(Counter(recipient for recipient, _ in pairs).values()) == 1
