"""A mail server that is away, falls, or puts readers off; a worker that waits for it, and charges nobody."""

import threading
import time
from collections import Counter

import pytest

from newsletter.db import Sessions
from newsletter.delivery.models import CopyState
from tests.ports import free_port
from tests.torture import press as presses
from tests.torture.conftest import Tell
from tests.torture.press import CONNECTIONS, Press, wait_for
from tests.torture.sink import Tally, counting

READERS = 600
_SLOW = 0.03

# What the mail server does is told apart the same way whatever the database, so each has its half.
SQLITE, POSTGRESQL = (
    pytest.mark.parametrize("database_url", [kind], indirect=True) for kind in ("sqlite", "postgresql")
)


@pytest.fixture
def mail_port() -> int:
    """Nobody listens there yet."""
    return free_port()


@pytest.fixture(autouse=True)
def _going_out(sessions: Sessions, press: Press) -> None:
    presses.stock(sessions, press.folder, READERS)
    press.send()


@SQLITE
def test_a_server_that_is_down_at_the_start_is_waited_for(
    press: Press, tally: Tally, tell: Tell, mail_port: int
) -> None:
    worker = press.start()
    wait_for(lambda: "the mail server cannot be used; trying again" in _told(press), [worker])
    with counting(tally, mail_port):
        wait_for(press.all_settled, [worker])
    _tell(press, tally, tell, "server down at the start")
    _require_one_try_each(press, tally)


@POSTGRESQL
def test_a_server_that_closes_for_three_seconds_in_mid_issue_costs_nothing(
    press: Press, tally: Tally, tell: Tell, mail_port: int
) -> None:
    tally.delay = _SLOW
    worker = press.start()
    with counting(tally, mail_port):
        wait_for(lambda: len(tally.taken) > READERS / 4, [worker])
        tally.closing = True
        time.sleep(3)
        tally.closing = False
        wait_for(press.all_settled, [worker])
    _tell(press, tally, tell, "server closes for 3 s")
    _require_one_try_each(press, tally)


@SQLITE
def test_a_server_that_falls_for_three_seconds_in_mid_issue_loses_nobody(
    press: Press, tally: Tally, tell: Tell, mail_port: int
) -> None:
    tally.delay = _SLOW
    worker = press.start()
    with counting(tally, mail_port):
        wait_for(lambda: len(tally.taken) > READERS / 4, [worker])
    time.sleep(3)
    with counting(tally, mail_port):
        wait_for(lambda: press.states()[CopyState.SENT] >= READERS - CONNECTIONS, [worker])
        # What it had taken and could not say so is in doubt, and comes again after a minute.
        worker.set_clock(120)
        wait_for(press.all_settled, [worker])
    _tell(press, tally, tell, "server falls for 3 s")
    assert tally.recipients.keys() == presses.addresses(READERS)
    assert {press.copies()[address].id for address in tally.twice} <= press.doubted().keys()
    assert press.doubted().total() <= CONNECTIONS
    assert tally.one_message_id_each
    assert press.states() == {CopyState.SENT: READERS}
    tried = Counter(copy.attempts for copy in press.copies().values())
    assert tried == {1: READERS - press.doubted().total()} | ({2: press.doubted().total()} if press.doubted() else {})


@POSTGRESQL
def test_every_twentieth_reader_who_is_put_off_gets_the_copy_later(
    press: Press, tally: Tally, tell: Tell, mail_port: int
) -> None:
    put_off = {address for address in presses.addresses(READERS) if int(address[6:].partition("@")[0]) % 20 == 0}
    once = set(put_off)
    lock = threading.Lock()

    def answer(recipient: str) -> str:
        with lock:
            if recipient in once:
                once.remove(recipient)
                return "451 4.7.1 Greylisted"
        return "250 2.1.5 Known"

    tally.answer = answer
    worker = press.start()
    with counting(tally, mail_port):
        wait_for(lambda: press.states()[CopyState.SENT] == READERS - len(put_off), [worker])
        assert press.states()[CopyState.PENDING] == len(put_off)
        worker.set_clock(120)
        wait_for(press.all_settled, [worker])
    _tell(press, tally, tell, "451 to every 20th reader")
    assert tally.recipients.keys() == presses.addresses(READERS)
    assert not tally.twice
    assert {address for address, copy in press.copies().items() if copy.attempts == 2} == put_off


def _require_one_try_each(press: Press, tally: Tally) -> None:
    assert tally.recipients.keys() == presses.addresses(READERS)
    assert (tally.twice, press.doubted()) == ([], {})
    assert Counter(copy.attempts for copy in press.copies().values()) == {1: READERS}
    assert press.states() == {CopyState.SENT: READERS}


def _told(press: Press) -> list[str]:
    return [event["event"] for worker in press.workers for event in worker.events]


def _tell(press: Press, tally: Tally, tell: Tell, row: str) -> None:
    lost = len(presses.addresses(READERS) - tally.recipients.keys())
    tell(row, copies=READERS, lost=lost, in_doubt=press.doubted().total(), twice=len(tally.twice))
