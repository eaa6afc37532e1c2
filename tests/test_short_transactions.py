"""Whatever changes very many rows does so in groups, so that nobody who wants to write waits for all of them."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select

from newsletter import publishing
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.cli.halting import cancel
from newsletter.db import Sessions
from newsletter.delivery import stopping
from newsletter.delivery.models import Copy, CopyState
from newsletter.editorial import shelf
from newsletter.wiring import House
from tests import houses, transactions

READERS = 7_000
MOST = 5_100
"""Rows a transaction: half a second on the slowest disk that this was tried on, and a few rows of its own."""

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def many_readers(sessions: Sessions, data_dir: Path) -> None:
    """The shipped issues, and one of them on its way to a great many."""
    houses.opened(sessions, data_dir)
    numbers = range(1, READERS + 1)
    addresses = {number: f"reader{number}@reader.example" for number in numbers}
    with sessions.begin() as session:
        people = [{"id": n, "email": one, "key": one, "created_at": houses.NOW} for n, one in addresses.items()]
        session.execute(insert(Subscriber), people)
        tie = {"publication_id": 1, "status": Status.ACTIVE, "created_at": houses.NOW, "confirmed_at": houses.NOW}
        session.execute(insert(Subscription), [tie | {"id": n, "subscriber_id": n} for n in numbers])
    houses.stock(houses.build(sessions, data_dir), houses.NOW)


@pytest.fixture
def filled() -> object:
    return many_readers


@pytest.fixture
def house(sessions: Sessions, tmp_path: Path) -> House:
    return houses.build(sessions, tmp_path)


@pytest.fixture
def sizes(engine: Engine) -> Iterator[list[int]]:
    """How many rows each transaction changed."""
    with transactions.counted(engine) as found:
        yield found


def states(house: House, letter_id: int) -> dict[CopyState, int]:
    with house.sessions.reading() as session:
        mine = select(Copy.state, func.count()).where(Copy.letter_id == letter_id).group_by(Copy.state)
        return dict(session.execute(mine).all())


def letter_of(house: House) -> int:
    with house.sessions.reading() as session:
        letter_id = shelf.find(session, houses.OUT[-1]).letter_id
    assert letter_id
    return letter_id


def test_an_issue_is_stopped_in_groups(house: House, sizes: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    cancel.callback.__wrapped__(house, houses.OUT[-1], None)  # type: ignore[union-attr]
    assert states(house, letter_of(house)) == {CopyState.SKIPPED: READERS}
    assert f"{READERS:,} copies were not sent" in capsys.readouterr().out
    assert max(sizes) <= MOST


def test_a_stop_that_was_cut_short_is_gone_on_with(house: House, now: datetime) -> None:
    with house.sessions.begin() as session:
        assert publishing.cancel(session, shelf.find(session, houses.OUT[-1]), now) == READERS
    letter_id = letter_of(house)
    assert 0 < states(house, letter_id)[CopyState.PENDING] < READERS
    with house.sessions.reading() as session:
        assert stopping.unfinished(session) == [letter_id]
    while stopping.go_on(house.sessions, letter_id, now):
        pass
    assert states(house, letter_id) == {CopyState.SKIPPED: READERS}
    with house.sessions.reading() as session:
        assert stopping.unfinished(session) == []
