"""The search index knows who is in a block, forgets who was erased, and misses nobody whose entry has changed."""

import threading

import pytest
from sqlalchemy import insert, select

from newsletter.audience import reader_search, search_index
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.search_index import SearchBlock


@pytest.fixture(autouse=True)
def _every_search_by_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_search, "_FEW_READERS", 0)


def fill(press) -> int:
    with press.sessions.begin() as session:
        return search_index.index_some(session)


def crowd(press, count: int) -> None:
    """So many readers; each seventh is called Łukasz."""
    numbers = range(1, count + 1)
    people = [
        {"id": number, "email": f"reader{number}@example.org", "key": f"reader{number}@example.org"}
        | {"name": "" if number % 7 else "\u0141ukasz", "created_at": press.now}
        for number in numbers
    ]
    tie = {"publication_id": press.publication.id, "status": Status.ACTIVE, "created_at": press.now}
    with press.sessions.begin() as session:
        session.execute(insert(Subscriber), people)
        session.execute(insert(Subscription), [tie | {"id": number, "subscriber_id": number} for number in numbers])


def found(press, search: str) -> list[int]:
    with press.sessions.reading() as session:
        return [one.id for one in reader_search.find(session, press.publication.id, search).page.rows]


def packed(press) -> dict[int, bytes]:
    with press.sessions.reading() as session:
        return dict(session.execute(select(SearchBlock.number, SearchBlock.entries)).all())


def test_a_reader_who_takes_another_name_is_found_before_the_index_knows(press) -> None:
    crowd(press, 10)
    assert fill(press) == 10
    assert fill(press) == 0
    with press.sessions.begin() as session:
        session.get_one(Subscriber, 7).name = "Augusta"
    assert found(press, "augusta") == [7]
    assert found(press, "lukasz") == []
    assert fill(press) == 1
    assert found(press, "augusta") == [7]


def test_the_index_forgets_who_was_erased(press) -> None:
    crowd(press, 20)
    fill(press)
    without = packed(press)
    with press.sessions.begin() as session:
        session.add(Subscriber(id=21, email="quetzal@example.org", key="quetzal@example.org", created_at=press.now))
    fill(press)
    assert packed(press) != without
    with press.sessions.begin() as session:
        reader = session.get_one(Subscriber, 21)
        search_index.drop_readers(session, [reader.id])
        session.delete(reader)
    assert packed(press) == {}
    assert found(press, "reader14") == [14]
    fill(press)
    assert packed(press) == without


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_worker_that_packs_a_block_during_an_erasure_packs_nobody_who_is_erased(press) -> None:
    crowd(press, 2)
    packing = threading.Thread(target=fill, args=[press])
    with press.sessions.begin() as session:
        search_index.drop_readers(session, [2])
        packing.start()
        packing.join(0.5)  # it waits for this transaction
        session.delete(session.get_one(Subscriber, 2))
    packing.join()
    fill(press)
    assert b"reader1@" in packed(press)[0]
    assert b"reader2@" not in packed(press)[0]
