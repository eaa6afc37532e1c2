"""The search index says "none of them" of a block of readers only where that is so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from newsletter.audience import search_index, search_text, subscribers
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.search_index import BLOCK, SearchBlock


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
        return [
            one.id
            for one in subscribers.page(session, subscribers.search_result(session, press.publication.id, search)).rows
        ]


def filters(press) -> dict[int, bytes]:
    with press.sessions.reading() as session:
        return dict(session.execute(select(SearchBlock.number, SearchBlock.filter)).all())


def test_readers_are_found_in_the_block_where_they_are_and_only_that_is_read(press) -> None:
    crowd(press, 3 * BLOCK)
    for search in ("reader700@", "00@e", "der7", "lukasz reader7", "l", "nobody"):
        before = found(press, search)
        while fill(press):
            pass
        assert found(press, search) == before
    with press.sessions.reading() as session:
        assert search_index._perhaps(session, search_index._bits(["reader700@"])) == [700 // BLOCK]
        assert search_index._perhaps(session, search_index._bits(["nobody"])) == []


def test_what_many_are_called_is_found_by_walking_all_newest_first(press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_index, "_MANY_READERS", 10)
    crowd(press, BLOCK)
    while fill(press):
        pass
    with press.sessions.reading() as session:
        assert search_index.find(session, ["lukasz"]) is None
    assert found(press, "lukasz") == [number for number in range(BLOCK, 0, -1) if not number % 7]


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
    without = filters(press)
    with press.sessions.begin() as session:
        session.add(Subscriber(id=21, email="quetzal@example.org", key="quetzal@example.org", created_at=press.now))
    fill(press)
    assert filters(press) != without
    with press.sessions.begin() as session:
        reader = session.get_one(Subscriber, 21)
        search_index.drop_readers(session, [reader.id])
        session.delete(reader)
    assert filters(press) == {}
    assert found(press, "reader14") == [14]
    fill(press)
    assert filters(press) == without


@given(st.text(max_size=30), st.data())
def test_every_part_of_an_entry_is_in_its_filter(name: str, data: st.DataObject) -> None:
    entry = search_text.search_entry("ada@example.org", "ada@example.org", name)
    words = entry.split()
    word = data.draw(st.sampled_from(words))
    start = data.draw(st.integers(0, len(word) - 1))
    part = data.draw(st.sampled_from([f" {word[:1]}", f" {word[:2]}", word[start:]]))
    made = search_index._filter([entry])
    assert all(made[bit // 8] >> bit % 8 & 1 for bit in search_index._bits([part]))
