"""Two workers, two clocks, two commands at once; and one clock that jumps."""

import time

import pytest

from newsletter.db import Sessions
from newsletter.delivery.models import CopyState
from tests.torture import press as presses
from tests.torture.conftest import Tell
from tests.torture.press import CONNECTIONS, SLUG, Press, wait_for
from tests.torture.sink import Tally

READERS = 800
_SLOW = 0.03
_MINUTES = 420.0  # seconds


@pytest.fixture(autouse=True)
def _stocked(sessions: Sessions, press: Press) -> None:
    presses.stock(sessions, press.folder, READERS)


def test_two_sends_at_once_and_two_workers_send_each_copy_once(press: Press, tally: Tally, tell: Tell) -> None:
    tally.delay = _SLOW
    workers = [press.start() for _ in range(2)]
    commands = [press.begin("issues", "send", SLUG, "--now") for _ in range(2)]
    told = [command.communicate(timeout=presses.PATIENCE)[1] for command in commands]
    assert sorted(command.returncode for command in commands) == [0, 1]
    assert "“Unwind a tight back” " in "".join(told)
    wait_for(press.all_settled, workers)
    _tell(press, tally, tell, "two workers, two `send`")
    assert tally.recipients.keys() == presses.addresses(READERS)
    assert not tally.twice
    assert press.states() == {CopyState.SENT: READERS}


def test_two_workers_whose_clocks_differ_by_minutes_send_each_copy_once(press: Press, tally: Tally, tell: Tell) -> None:
    # So slow that at any instant most connections of the first wait for an answer.
    tally.delay = 0.1
    press.send()
    workers = [press.start(MAIL_RATE="80")]
    wait_for(lambda: len(tally.taken) > 0, workers)
    # By the clock of the second the leases of the first may have run out long ago.
    workers.append(press.start(_MINUTES, MAIL_RATE="80"))
    wait_for(press.all_settled, workers)
    _tell(press, tally, tell, f"two clocks, {_MINUTES:.0f} s apart")
    assert tally.recipients.keys() == presses.addresses(READERS)
    assert not press.doubted()
    assert not tally.twice
    assert press.states() == {CopyState.SENT: READERS}


@pytest.mark.parametrize(
    ("database_url", "by"),
    [("sqlite", 3600), ("postgresql", -3600)],
    indirect=["database_url"],
)
def test_a_clock_that_jumps_in_mid_issue_loses_nobody(press: Press, tally: Tally, tell: Tell, by: int) -> None:
    tally.delay = _SLOW
    press.send()
    worker = press.start(MAIL_RATE="60")
    wait_for(lambda: len(tally.taken) > 0, [worker])
    worker.set_clock(by)
    # Long enough that the worker looks for leases that have run out.
    time.sleep(11)
    worker.set_clock(0)
    # Less than the hour by which the clock was off, and than the leases last.
    wait_for(press.all_settled, [worker], 110)
    _tell(press, tally, tell, f"the clock jumps by {by} s")
    assert tally.recipients.keys() == presses.addresses(READERS)
    assert {press.copies()[address].id for address in tally.twice} <= press.doubted().keys()
    assert press.doubted().total() <= 2 * CONNECTIONS
    assert tally.one_message_id_each
    assert press.states() == {CopyState.SENT: READERS}


def _tell(press: Press, tally: Tally, tell: Tell, row: str) -> None:
    lost = len(presses.addresses(READERS) - tally.recipients.keys())
    tell(row, copies=READERS, lost=lost, in_doubt=press.doubted().total(), twice=len(tally.twice))
