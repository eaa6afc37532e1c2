"""Workers that are killed (-9) or stopped (TERM) at any instant."""

import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from newsletter.audience.models import Subscription
from newsletter.db import UNSYNCED, Sessions
from newsletter.delivery.models import CopyState
from tests.torture import press as presses
from tests.torture.conftest import Scale, Tell
from tests.torture.press import CONNECTIONS, Press, wait_for
from tests.torture.sink import Tally


@pytest.fixture
def readers(sessions: Sessions, press: Press, scale: Scale, request: pytest.FixtureRequest) -> int:
    """Enough of them that there is an issue to be in the middle of, at each blow."""
    blows = scale.kills if "kill" in request.node.name else scale.stops
    presses.stock(sessions, press.folder, blows * scale.readers)
    return blows * scale.readers


def test_kills_lose_nobody_and_every_copy_in_doubt_is_listed(
    press: Press, tally: Tally, readers: int, scale: Scale, chance: random.Random, tell: Tell
) -> None:
    tally.delay = presses.SLOW
    press.send()
    for number in range(scale.kills):
        # Whoever comes next finds what this one leaves, and decides about it: by turns, either way.
        worker = press.start(number * presses.LATER, IN_DOUBT=("resend", "hold")[number % 2])
        presses.in_mid_issue(tally, worker, chance)
        worker.kill()
        assert max(press.begun().values(), default=0) <= CONNECTIONS
    tally.delay = 0.0
    press.start(scale.kills * presses.LATER)
    wait_for(press.all_settled, press.workers)
    status, doubted = press.status(), press.doubted()
    copies = press.copies()
    held = {address for address, copy in copies.items() if copy.state is CopyState.IN_DOUBT}
    lost = presses.addresses(readers) - tally.recipients.keys() - held
    twice = tally.twice
    tell("killed (-9)", blows=scale.kills, copies=readers, lost=len(lost), in_doubt=doubted.total(), twice=len(twice))
    assert not lost
    assert status["audience"] == status["sent"] + status["in_doubt"] == readers
    assert status["in_doubt"] == len(held)
    assert {copies[address].id for address in held} <= doubted.keys()
    assert {copies[address].id for address in twice} <= doubted.keys()
    assert sum(tally.recipients.values()) - len(tally.recipients) <= doubted.total() <= CONNECTIONS * scale.kills
    assert tally.one_message_id_each


def test_stops_leave_nobody_out_nobody_twice_and_nothing_in_doubt(
    press: Press, tally: Tally, readers: int, scale: Scale, chance: random.Random, tell: Tell
) -> None:
    tally.delay = presses.SLOW
    press.send()
    for _ in range(scale.stops):
        worker = press.start()
        presses.in_mid_issue(tally, worker, chance)
        worker.stop()
        assert press.states().keys() <= {CopyState.PENDING, CopyState.SENT}
        assert press.states()[CopyState.SENT] == len(tally.taken)
    tally.delay = 0.0
    press.start()
    wait_for(press.all_settled, press.workers)
    lost = presses.addresses(readers) - tally.recipients.keys()
    doubted = press.doubted().total()
    tell("stopped (TERM)", blows=scale.stops, copies=readers, lost=len(lost), in_doubt=doubted, twice=len(tally.twice))
    assert (lost, tally.twice, doubted) == (set(), [], 0)
    assert press.states() == {CopyState.SENT: readers}


def test_kills_neither_hasten_nor_lose_the_copies_that_wait_for_their_readers_hours(
    sessions: Sessions, press: Press, tally: Tally, scale: Scale, chance: random.Random, tell: Tell
) -> None:
    presses.stock(sessions, press.folder, scale.readers)
    hour = (datetime.now(UTC) + timedelta(hours=2)).hour
    with sessions.begin() as session:
        half = update(Subscription).where(Subscription.id % 2 == 0)
        session.execute(half.values(delivery_zone="UTC", delivery_hour=hour), execution_options=UNSYNCED)
    patient = {address for address in presses.addresses(scale.readers) if int(re.sub(r"\D", "", address)) % 2 == 0}
    tally.delay = presses.SLOW
    press.send()
    worker = press.start()
    presses.in_mid_issue(tally, worker, chance)
    worker.kill()
    tally.delay = 0.0
    worker = press.start(presses.LATER)
    wait_for(lambda: press.states().keys() == {CopyState.PENDING, CopyState.SENT}, [worker])
    wait_for(lambda: press.states()[CopyState.PENDING] == len(patient), [worker])
    worker.kill()
    assert patient.isdisjoint(tally.recipients)
    press.start(timedelta(hours=3).total_seconds())
    wait_for(press.all_settled, press.workers)
    lost, twice = presses.addresses(scale.readers) - tally.recipients.keys(), tally.twice
    tell("killed while copies wait", blows=2, copies=scale.readers, lost=len(lost), twice=len(twice))
    assert not lost
    assert patient.isdisjoint(twice)
    assert {press.copies()[address].id for address in twice} <= press.doubted().keys()
