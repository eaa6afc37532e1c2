from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from threading import Barrier, Thread

import pytest

from newsletter.db import Session, Sessions
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Queued, Readiness
from newsletter.editorial.schedule import queue
from newsletter.editorial.source import issue_file
from newsletter.errors import Conflict
from newsletter.publications import Publication, Slot, find
from tests.originals import Fill, empty
from tests.sample_services import NOW

TITLES = ("one", "two", "three", "four")


def with_issues(sessions: Sessions, _folder: Path) -> None:
    """Four issues that are ready."""
    with sessions.begin() as session:
        slot = Slot(weekday=1, at=time(9), time_zone="Europe/Warsaw", since=NOW)
        home = Publication(
            slug="home", name="Home", sender_name="H", sender_address="h@h.example", created_at=NOW, slots=[slot]
        )
        session.add(home)
        session.flush()
        for title in TITLES:
            write(session, title, NOW)
            issue_store.set_readiness(issue_store.find(session, title), Readiness.READY)


@pytest.fixture
def filled(request: pytest.FixtureRequest) -> Fill:
    return with_issues if "slugs" in request.fixturenames else empty


@pytest.fixture
def slugs() -> tuple[str, ...]:
    """The issues that are ready (`with_issues`)."""
    return TITLES


def write(session: Session, title: str, now: datetime, body: str = "Text.") -> None:
    name = f"2026-11-20-{title}.md"
    text = issue_file.parse(f"---\ntitle: {title}\nsubject: The subject of {title}\n---\n{body}\n", name)
    issue_store.save(session, find(session), issue_store.Text(text, name, {}), issue_store.BY_FILE, now)


def add(sessions: Sessions, slug: str, now: datetime) -> None:
    with sessions.begin() as session:
        queue.add(session, issue_store.find(session, slug), now)


def order(sessions: Sessions) -> list[str]:
    with sessions.reading() as session:
        return [issue.slug for issue in session.scalars(queue.listing(find(session).id))]


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each of them gave, an error among it, when all began together."""
    barrier, answers = Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            answers.append(act())
        except Conflict as error:
            answers.append(error)

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_issues_stand_in_the_order_of_their_coming(sessions: Sessions, slugs: tuple[str, ...], now: datetime) -> None:
    for slug in slugs:
        add(sessions, slug, now)
    assert order(sessions) == list(slugs)
    with sessions.reading() as session:
        assert [queue.position(session, issue_store.find(session, slug)) for slug in slugs] == [1, 2, 3, 4]


def test_an_issue_stands_in_the_queue_once(sessions: Sessions, slugs: tuple[str, ...], now: datetime) -> None:
    add(sessions, slugs[0], now)
    with pytest.raises(Conflict, match="already in the queue"):
        add(sessions, slugs[0], now)
    assert order(sessions) == [slugs[0]]


def test_a_draft_is_not_taken_into_the_queue(sessions: Sessions, slugs: tuple[str, ...], now: datetime) -> None:
    with sessions.begin() as session:
        issue_store.set_readiness(issue_store.find(session, slugs[0]), Readiness.DRAFT)
    with pytest.raises(Conflict, match="is a draft; only an issue that is ready"):
        add(sessions, slugs[0], now)


def test_editors_who_add_at_once_all_get_a_place(sessions: Sessions, slugs: tuple[str, ...], now: datetime) -> None:
    assert at_once(*(lambda slug=slug: add(sessions, slug, now) for slug in slugs)) == [None] * 4
    assert sorted(order(sessions)) == sorted(slugs)


def test_an_issue_moves_before_another_or_to_the_end() -> None:
    assert queue.moved([1, 2, 3], 3, 1) == [3, 1, 2]
    assert queue.moved([1, 2, 3], 1, 3) == [2, 1, 3]
    assert queue.moved([1, 2, 3], 1, None) == [2, 3, 1]
    assert queue.moved([1, 2, 3], 2, 9) == [1, 3, 2]


def test_the_order_that_was_seen_can_be_changed(sessions: Sessions, slugs: tuple[str, ...], now: datetime) -> None:
    for slug in slugs:
        add(sessions, slug, now)
    with sessions.begin() as session:
        seen = queue.order(session, find(session).id)
        queue.reorder(session, find(session).id, seen, seen[::-1])
    assert order(sessions) == list(slugs[::-1])
    with sessions.reading() as session:
        assert {session.get_one(Queued, issue_id).queued_at for issue_id in seen} == {now}


@pytest.mark.parametrize("change", ["added", "removed", "moved"])
def test_an_order_that_is_not_the_seen_one_any_more_is_left_alone(
    sessions: Sessions, slugs: tuple[str, ...], now: datetime, change: str
) -> None:
    for slug in slugs[:3]:
        add(sessions, slug, now)
    with sessions.begin() as session:
        home, seen = find(session).id, queue.order(session, find(session).id)
        if change == "added":
            queue.add(session, issue_store.find(session, slugs[3]), now)
        elif change == "removed":
            assert queue.remove(session, seen[0])
        else:
            queue.reorder(session, home, seen, queue.moved(seen, seen[0], None))
    before = order(sessions)
    with pytest.raises(Conflict, match="has changed"), sessions.begin() as session:
        queue.reorder(session, home, seen, seen[::-1])
    assert order(sessions) == before


def test_an_order_with_somebody_elses_issue_in_it_is_refused(
    sessions: Sessions, slugs: tuple[str, ...], now: datetime
) -> None:
    add(sessions, slugs[0], now)
    with sessions.begin() as session:
        seen = queue.order(session, find(session).id)
        with pytest.raises(Conflict):
            queue.reorder(session, find(session).id, seen, [*seen, issue_store.find(session, slugs[1]).id])


def test_two_editors_who_reorder_at_once_do_not_scramble_the_queue(
    sessions: Sessions, slugs: tuple[str, ...], now: datetime
) -> None:
    for slug in slugs:
        add(sessions, slug, now)
    with sessions.reading() as session:
        home, seen = find(session).id, queue.order(session, find(session).id)
    wanted = [seen[::-1], queue.moved(seen, seen[0], None), queue.moved(seen, seen[3], seen[0])]

    def reorder(to: list[int]) -> list[int]:
        with sessions.begin() as session:
            queue.reorder(session, home, seen, to)
        return to

    answers = at_once(*(lambda to=to: reorder(to) for to in wanted))
    [done] = [answer for answer in answers if not isinstance(answer, Conflict)]
    with sessions.reading() as session:
        assert queue.order(session, home) == done


def test_an_edited_issue_keeps_its_place_and_is_a_draft(
    sessions: Sessions, slugs: tuple[str, ...], now: datetime
) -> None:
    for slug in slugs[:2]:
        add(sessions, slug, now)
    with sessions.begin() as session:
        write(session, slugs[0], now, "Another text.")
        assert [queue.is_ready(issue) for issue in session.scalars(queue.listing(find(session).id))] == [False, True]


def test_whoever_leaves_the_queue_makes_room(sessions: Sessions, slugs: tuple[str, ...], now: datetime) -> None:
    for slug in slugs[:2]:
        add(sessions, slug, now)
    with sessions.begin() as session:
        assert queue.remove(session, issue_store.find(session, slugs[0]).id)
        assert not queue.remove(session, issue_store.find(session, slugs[0]).id)
    assert order(sessions) == [slugs[1]]
