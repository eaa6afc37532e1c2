"""An issue is put into a slot, moved to another one and put back; what the calendar shows decides what can be done."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.db import Session, Sessions, open_engine
from newsletter.delivery.models import LetterState
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, IssueState, Readiness, SlotStep
from newsletter.editorial.schedule import queue, slot_claims, slot_settings
from newsletter.errors import PressError
from newsletter.publications import find
from newsletter.workflows import fill_queue, place_issue, publish
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.calendar import Calendar
from newsletter.workflows.place_issue import Origin
from tests import slots
from tests.originals import Originals
from tests.sample_services import LINKS, NOW
from tests.slots import SLUGS, TITLES, TUESDAY, enqueue, queued, states

FIRST, SECOND, THIRD = SLUGS
A_WEEK = timedelta(weeks=1)
NEXT = TUESDAY + A_WEEK
LATER = TUESDAY + 2 * A_WEEK
LETTERS = LetterSettings(LINKS)


@pytest.fixture
def sessions(originals: Originals, tmp_path: Path) -> Iterator[Sessions]:
    """Three issues that are ready; the SQL is that of scheduling, which runs on both databases elsewhere."""
    with originals.copy("sqlite", slots.opened, tmp_path) as url:
        engine = open_engine(url)
        yield Sessions(engine)
        engine.dispose()


def calendar(session: Session, now: datetime = NOW) -> Calendar:
    return Calendar(session, LINKS, find(session), now, timedelta())


def seen(session: Session, at: datetime) -> str:
    entry = calendar(session).slot(at)
    return place_issue.slot_mark(entry) if entry else ""


def place(session: Session, slug: str, at: datetime, mark: str | None = None, now: datetime = NOW) -> Issue:
    issue = issue_store.find(session, slug)
    place_issue.place(session, LETTERS, issue, calendar(session, now), at, seen(session, at) if mark is None else mark)
    return issue


def foretold(session: Session, slots_: int = 3) -> list[str | None]:
    return [entry.issue and entry.issue.slug for entry in calendar(session).ahead(slots_)]


def test_an_issue_in_a_slot_leaves_the_queue_which_fills_the_others(sessions: Sessions, now: datetime) -> None:
    enqueue(sessions, now, *SLUGS)
    with sessions.begin() as session:
        assert foretold(session) == [FIRST, SECOND, THIRD]
        place(session, THIRD, TUESDAY)
        assert foretold(session) == [THIRD, FIRST, SECOND]
    assert queued(sessions) == [FIRST, SECOND]


def test_a_scheduled_issue_moves_frozen_as_it_is_and_frees_its_slot(sessions: Sessions) -> None:
    with sessions.begin() as session:
        letter = place(session, FIRST, TUESDAY).letter
        assert letter
        moved = place(session, FIRST, LATER).letter
        assert moved is letter
        assert (letter.due_at, letter.state) == (LATER, LetterState.WAITING)
        assert foretold(session) == [None, None, FIRST]


def test_a_held_issue_waits_for_the_slot_that_it_is_given(sessions: Sessions) -> None:
    with sessions.begin() as session:
        letter = place(session, FIRST, TUESDAY).letter
        assert letter
        letter.state, letter.due_at = LetterState.HELD, NOW - timedelta(days=1)
        session.flush()
        place(session, FIRST, NEXT)
        assert (letter.due_at, letter.state) == (NEXT, LetterState.WAITING)


def _scheduled_there(session: Session) -> None:
    place(session, SECOND, TUESDAY)


def _off(session: Session) -> None:
    slot_settings.add_week_off(session, find(session), (date(2026, 11, 23), date(2026, 11, 29)), "Rest", NOW)


def _not_a_slot(session: Session) -> None:
    slot_settings.remove_slot(session, find(session), find(session).slots[0].id)


def _draft(session: Session) -> None:
    issue_store.set_readiness(issue_store.find(session, FIRST), Readiness.DRAFT)


def _unapproved(session: Session) -> None:
    find(session).requires_approval = True


def _being_filled(session: Session) -> None:
    slot_claims.claim(session, find(session).id, TUESDAY, SlotStep.HOUR)


def _already_there(session: Session) -> None:
    place(session, FIRST, TUESDAY)


def _sent(session: Session) -> None:
    publish.send_now(session, LETTERS, issue_store.find(session, FIRST), NOW)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_scheduled_there, f"“{TITLES[1]}” is already scheduled for Tuesday 24 November 2026 at 09:00"),
        (_already_there, f"“{TITLES[0]}” is already scheduled for Tuesday 24 November 2026 at 09:00"),
        (_off, "is in a week off (Rest)"),
        (_not_a_slot, "BackPainHelp has no slot on Tuesday 24 November 2026 at 09:00 (Europe/Warsaw)"),
        (_draft, "is a draft; mark it as ready first"),
        (_unapproved, "goes out only after a second person has approved"),
        (_being_filled, "its slot has just been dealt with"),
        (_sent, "is already being sent"),
    ],
)
def test_what_cannot_be_done_is_refused_in_clear_words(
    sessions: Sessions, change: Callable[[Session], None], why: str
) -> None:
    with sessions.begin() as session:
        change(session)
    before = states(sessions)
    with pytest.raises(PressError, match=re.escape(why)), sessions.begin() as session:
        place(session, FIRST, TUESDAY)
    assert states(sessions) == before


@pytest.mark.parametrize(
    ("now", "at"), [(TUESDAY, TUESDAY), (NEXT, TUESDAY), (TUESDAY + timedelta(seconds=1), TUESDAY)]
)
def test_a_slot_that_has_passed_while_the_page_was_open_is_refused(
    sessions: Sessions, now: datetime, at: datetime
) -> None:
    with pytest.raises(PressError, match="has passed"), sessions.begin() as session:
        place(session, FIRST, at, "0", now)


@pytest.mark.parametrize("at", [TUESDAY + timedelta(minutes=1), datetime(2031, 11, 25, 8, tzinfo=UTC)])
def test_a_time_that_is_no_slot_of_the_next_year_is_refused(sessions: Sessions, at: datetime) -> None:
    with sessions.begin() as session, pytest.raises(PressError, match="has no slot on"):
        place(session, FIRST, at, "0")


def test_a_slot_that_the_queue_fills_otherwise_by_now_is_refused(sessions: Sessions, now: datetime) -> None:
    enqueue(sessions, now, FIRST, SECOND)
    with sessions.begin() as session:
        mark = seen(session, TUESDAY)
        order = queue.order(session, find(session).id)
        queue.reorder(session, find(session).id, order, order[::-1])
        with pytest.raises(PressError, match="has changed since this page was opened"):
            place(session, THIRD, TUESDAY, mark)


@pytest.mark.parametrize("slug", SLUGS)
def test_what_was_in_the_queue_goes_back_to_its_place(sessions: Sessions, now: datetime, slug: str) -> None:
    enqueue(sessions, now, *SLUGS)
    with sessions.begin() as session:
        issue = issue_store.find(session, slug)
        origin = Origin.parse(Origin.find(session, issue).field)
        place(session, slug, LATER)
        place_issue.put_back(session, LETTERS, issue, origin, now)
    assert queued(sessions) == list(SLUGS)


def test_what_was_scheduled_goes_back_to_its_time_and_what_was_ready_is_ready_again(sessions: Sessions) -> None:
    with sessions.begin() as session:
        place(session, FIRST, TUESDAY)
        for slug in (FIRST, SECOND):
            issue = issue_store.find(session, slug)
            origin = Origin.parse(Origin.find(session, issue).field)
            place(session, slug, LATER)
            place_issue.put_back(session, LETTERS, issue, origin, NOW)
        assert foretold(session) == [FIRST, None, None]
    assert states(sessions)[SECOND] is IssueState.READY


def test_it_does_not_go_back_to_a_slot_that_was_taken_meanwhile(sessions: Sessions) -> None:
    with sessions.begin() as session:
        place(session, FIRST, TUESDAY)
        origin = Origin.find(session, issue_store.find(session, FIRST))
        place(session, FIRST, LATER)
        place(session, SECOND, TUESDAY)
        with pytest.raises(PressError, match="another issue is already scheduled"):
            place_issue.put_back(session, LETTERS, issue_store.find(session, FIRST), origin, NOW)


@pytest.mark.parametrize(
    "field",
    [
        *("queue x", "queue 99999999999", "tomorrow", "2026-12-01T09:00", "queues"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_an_origin_that_no_page_of_ours_named_is_refused(field: str) -> None:
    with pytest.raises(PressError, match="nothing was done"):
        Origin.parse(field)


def test_what_is_ready_fills_the_slots_after_the_queue_as_it_was_said_before(sessions: Sessions, now: datetime) -> None:
    enqueue(sessions, now, SECOND)
    with sessions.begin() as session:
        place(session, THIRD, NEXT)
        slots.write(session, "An old hat", now)
        issue_store.set_readiness(issue_store.find(session, "an-old-hat"), Readiness.READY)
        planned = fill_queue.plan(calendar(session))
        assert [issue.slug for issue in planned.issues] == ["a-tight-back", "an-old-hat"]
        assert [entry.at for entry in planned.entries] == [LATER, LATER + A_WEEK]
        assert planned.is_whole
        fill_queue.carry_out(calendar(session), planned.mark)
        filled = {entry.issue.slug: entry.at for entry in calendar(session).ahead_of_queue(0) if entry.issue}
        assert {entry.issue.slug: entry.at for entry in planned.entries if entry.issue}.items() <= filled.items()
    assert queued(sessions) == [SECOND, "a-tight-back", "an-old-hat"]


def test_only_what_is_approved_is_added_where_approvals_are_on(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        find(session).requires_approval = True
        slots.approve(session, LINKS, SECOND, now)
        planned = fill_queue.plan(calendar(session))
        assert [issue.slug for issue in planned.issues] == [SECOND]
        assert [(one.issue.slug, one.blocker.lack) for one in planned.left_out] == [
            (THIRD, "needs an approval"),
            (FIRST, "needs an approval"),
        ]


def test_nothing_is_added_when_something_has_changed_since(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        mark = fill_queue.plan(calendar(session)).mark
    enqueue(sessions, now, SECOND)
    with sessions.begin() as session, pytest.raises(PressError, match="Nothing was done"):
        fill_queue.carry_out(calendar(session), mark)
    assert queued(sessions) == [SECOND]


def test_of_two_hundred_ready_issues_as_many_are_added_at_once_as_the_calendar_lists(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fill_queue, "AT_ONCE", 2)
    with sessions.begin() as session:
        planned = fill_queue.plan(calendar(session))
        assert ([issue.slug for issue in planned.issues], planned.is_whole) == ([SLUGS[1], SLUGS[2]], False)
