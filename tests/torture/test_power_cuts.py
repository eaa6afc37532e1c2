"""The power is cut in mid-issue: the worker is gone, and of its database only what was synced is left."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.db import Sessions
from newsletter.delivery.models import CopyState
from tests.disk import Powered
from tests.originals import Originals, empty
from tests.torture import press as presses
from tests.torture.conftest import Scale, Tell
from tests.torture.press import CONNECTIONS, ROOT, Press, wait_for
from tests.torture.sink import Tally

POWERED = ROOT / "tests" / "torture" / "powered.py"


@pytest.fixture
def database_url(originals: Originals, tmp_path: Path) -> Iterator[str]:
    """SQLite; PostgreSQL falls as at a power failure in `test_store.py`."""
    with originals.copy("sqlite", empty, tmp_path) as url:
        yield url


def test_power_cuts_lose_nobody_and_whoever_gets_a_second_copy_is_listed(
    press: Press, sessions: Sessions, tally: Tally, scale: Scale, chance: random.Random, tell: Tell, tmp_path: Path
) -> None:
    readers = scale.stops * scale.readers
    presses.stock(sessions, press.folder, readers)
    press.send()
    tally.delay = presses.SLOW
    for number in range(scale.stops):
        sessions.engine.dispose()
        database, survivors = tmp_path / "newsletter.db", tmp_path / f"survivors-{number}"
        worker = press.start(number * presses.LATER, (str(POWERED), str(database), str(survivors)))
        presses.in_mid_issue(tally, worker, chance)
        worker.kill()
        Powered(database, survivors).cut_power()
        assert max(press.begun().values(), default=0) <= CONNECTIONS
    tally.delay = 0.0
    press.start(scale.stops * presses.LATER)
    wait_for(press.all_settled, press.workers)
    doubted, copies = press.doubted(), press.copies()
    lost, twice = presses.addresses(readers) - tally.recipients.keys(), tally.twice
    tell("power cut", blows=scale.stops, copies=readers, lost=len(lost), in_doubt=doubted.total(), twice=len(twice))
    assert not lost
    assert press.states() == {CopyState.SENT: readers}
    assert {copies[address].id for address in twice} <= doubted.keys()
    assert sum(tally.recipients.values()) - readers <= doubted.total() <= CONNECTIONS * scale.stops
    assert tally.one_message_id_each
