"""Readers at the desk: whom a search finds, whatever it looks at for that, and one page after another."""

from collections.abc import Callable
from itertools import chain
from operator import itemgetter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, event, insert, select

from newsletter.audience import reader_search, search_index, search_text, subscribers
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.reader_search import Found
from newsletter.pagination import FIRST_PAGE, Page, PageRequest

ADA = "ada@example.org"
STATUSES = (None, Status.ACTIVE, Status.BOUNCED)


@pytest.fixture(params=[0, 20_000], ids=["indexed", "few"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every search by the index, and every search by reading all entries."""
    monkeypatch.setattr(reader_search, "_FEW_READERS", request.param)


def found(press, **wanted) -> list[str]:
    """Who is listed: the same ones before the readers are indexed and after it."""
    before = listed(press, **wanted)
    with press.sessions.begin() as session:
        search_index.index_some(session)
    assert listed(press, **wanted) == before
    return before


def listed(press, **wanted) -> list[str]:
    with press.sessions.reading() as session:
        rows = reader_search.find(session, press.publication.id, **{"search": ""} | wanted).page.rows
        return [one.subscriber.email for one in rows]


@pytest.mark.usefixtures("_both_ways")
def test_the_desk_finds_readers_by_a_part_of_name_or_address(press) -> None:
    press.reader(ADA, "Ada Lovelace")
    press.subscribe("b_b%@example.org", "Bob")
    assert found(press, search="LOVE") == [ADA]
    assert found(press, search="example.org") == ["b_b%@example.org", ADA]
    assert found(press, search="_b%") == ["b_b%@example.org"]
    assert found(press, search="%") == []
    assert found(press, search="lovelace ada") == [ADA]
    assert found(press, search="b") == ["b_b%@example.org"]
    assert found(press, search="el") == []
    assert found(press, search='"*' * 5_000) == []
    assert found(press, search="' OR 1=1 --\0") == []
    assert found(press, status=Status.PENDING) == ["b_b%@example.org"]


@pytest.mark.usefixtures("_both_ways")
def test_the_desk_finds_a_host_by_its_letters_and_by_its_a_label(press) -> None:
    press.subscribe("Zoë@Bücher.example")
    for part in ("bücher", "BÜCHER.example", "zoë@bücher.example", "ZOË", "xn--bcher-kva", "zoë@xn--bcher-kva.example"):
        assert found(press, search=part) == ["Zoë@bücher.example"]


@pytest.mark.usefixtures("_both_ways")
def test_the_desk_finds_readers_whatever_case_or_accents_were_typed(press) -> None:
    press.reader("lukasz@example.org", "\u0141ukasz Gr\u00fcn")
    for typed in ("lukasz", "\u0141UKASZ", "GR\u00dcN", "gru\u0308n", "gr\u00fcn \u0142uk"):
        assert found(press, search=typed) == ["lukasz@example.org"]


@pytest.mark.usefixtures("_both_ways")
def test_a_reader_who_takes_another_name_is_found_by_that_one_alone(press) -> None:
    press.reader(ADA, "Ada Lovelace")
    with press.sessions.begin() as session:
        subscribers.find(session, ADA).name = "Augusta King"
    assert found(press, search="augusta") == [ADA]
    assert found(press, search="lovelace") == []


def test_the_desk_turns_pages_forward_and_back_without_missing_anybody(press) -> None:
    emails = [f"reader{number}@example.org" for number in range(5)]
    for email in emails:
        press.subscribe(email, client=None)
    with press.sessions.reading() as session:

        def turned(turn: PageRequest) -> Page[Subscription]:
            return reader_search.newest(session, press.publication.id, None, turn, size=2)

        first = turned(FIRST_PAGE)
        second = turned(PageRequest(**first.next))
        third = turned(PageRequest(**second.next))
        assert [one.subscriber.email for page in (first, second, third) for one in page.rows] == emails[::-1]
        assert (first.previous, third.next) == ({}, {})
        back = turned(PageRequest(**third.previous))
        assert back == second
        assert turned(PageRequest(**back.previous)) == first
        assert turned(PageRequest(before=1)).rows == first.rows


# PostgreSQL plans by how many rows there are.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("status", [None, Status.ACTIVE])
def test_an_index_lists_the_newest_readers_so_that_a_million_need_no_sorting(press, status: Status | None) -> None:
    statements: list[tuple[str, object]] = []
    press.subscribe(ADA)
    with press.sessions.reading() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *call: statements.append((call[2], call[3])))
        reader_search.newest(session, press.publication.id, status)
        statement, values = statements[0]
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert not [step for step in plan if "TEMP B-TREE" in step]
    assert any("ix_subscriptions_publication_id" in step for step in plan)


@pytest.fixture
def crowd(press, other_publication, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, Status, str]]:
    """Readers of two publications in small blocks, some of them changed or new since they were indexed.

    As (person, publication, status, entry), the newest person first.
    """
    for name, size in {"BLOCK": 8, "_FEWEST_BLOCKS": 1, "_MOST_BLOCKS": 2, "_MANY_ENTRIES": 5}.items():
        monkeypatch.setattr(search_index, name, size)
    for name, most in {"_FEW_READERS": 0, "_MOST_LOOKED_AT": 20, "_MOST_COUNTED": 30}.items():
        monkeypatch.setattr(reader_search, name, most)
    chance = Random(7)  # noqa: S311
    homes = (press.publication.id, other_publication.id)
    ids = sorted(chance.sample(range(1, 200), 90))
    people = [person(number, chance) | {"created_at": press.now} for number in ids]
    ties = [
        {
            "subscriber_id": number,
            "publication_id": home,
            "status": chance.choice(STATUSES[1:]),
            "created_at": press.now,
        }
        for number, home in chance.sample([(number, home) for number in ids for home in homes], 130)
    ]
    with press.sessions.begin() as session:
        session.execute(insert(Subscriber), people[:80])
        while search_index.index_some(session):
            pass
        session.execute(insert(Subscriber), people[80:])
        session.execute(insert(Subscription), ties)
        for number in chance.sample(ids, 12):
            session.get_one(Subscriber, number).name = person(number, chance)["name"]
        for number in chance.sample(ids, 5):
            search_index.drop_readers(session, [number])
            session.execute(delete(Subscription).where(Subscription.subscriber_id == number))
            session.execute(delete(Subscriber).where(Subscriber.id == number))
        asked = select(Subscriber.id, Subscription.publication_id, Subscription.status, Subscriber.search)
        rows = session.execute(asked.join(Subscription.subscriber)).all()
    return sorted(rows, key=itemgetter(0), reverse=True)


def person(number: int, chance: Random) -> dict[str, object]:
    """Somebody whose name and address share their letters with many others'."""
    email = f"{chance.choice('ab')}{chance.choice('ab')}{number}@{chance.choice(('ab.example', 'ba.example'))}"
    name = " ".join(chance.choice(("Ab", "Ba", "Ab\u0142", "Bab")) for _ in range(chance.randrange(3)))
    return {"id": number, "email": email, "key": email, "name": name}


def pages(look: Callable[[PageRequest], Found], turn: PageRequest, *, back: bool = False) -> list[list[int]]:
    """The people on this page and on all that follow it, or come before it."""
    shown = []
    while True:
        found = look(turn)
        shown.append([one.subscriber_id for one in found.page.rows])
        there = found.search_on or (found.page.previous if back else found.page.next)
        if not there:
            return shown
        turn = PageRequest(**there)


def test_the_index_finds_whom_reading_every_entry_finds_page_by_page_forward_and_back(press, crowd) -> None:
    word = st.text("ab\u0142 @.0129", min_size=1, max_size=4) | st.sampled_from(
        ("@ab.example", "bab", "ab ba", "exa le")
    )

    @given(st.lists(word, min_size=1, max_size=3).map(" ".join), st.sampled_from(STATUSES), st.sampled_from((4, 25)))
    def finds_the_same(search: str, status: Status | None, size: int) -> None:
        parts = search_text.search_terms(search)
        if not parts:
            return
        here = [row for row in crowd if row[1] == press.publication.id and status in {None, row[2]}]
        wanted = [reader for reader, _, _, entry in here if all(part in entry for part in parts)]
        with press.sessions.reading() as session:

            def look(turn: PageRequest) -> Found:
                return reader_search.find(session, press.publication.id, search, status, turn, size)

            assert list(chain(*pages(look, FIRST_PAGE))) == wanted
            middle = wanted[len(wanted) // 2 :][:1]
            if middle:
                newer = pages(look, PageRequest(after=middle[0]), back=True)
                assert list(chain(*reversed(newer))) == wanted[: len(wanted) // 2]
            first = look(FIRST_PAGE)
            assert first.count == len(wanted) if first.is_exact else first.count <= len(wanted)

    finds_the_same()


def test_a_search_that_has_looked_at_many_tells_where_it_goes_on(press, crowd) -> None:
    with press.sessions.reading() as session:
        found = reader_search.find(session, press.publication.id, "ab.example ba.example")
        assert (found.page.rows, found.is_exact) == ([], False)
        assert set(found.search_on) == {"before"}
        oldest = PageRequest(before=crowd[-1][0])
        last = reader_search.find(session, press.publication.id, "ab.example ba.example", turn=oldest)
        assert (last.page.rows, last.count, last.search_on) == ([], None, {})
