from collections.abc import Callable
from datetime import date, datetime, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select, update

from newsletter.db import Sessions
from newsletter.delivery.models import Copy, Letter, LetterState
from newsletter.delivery.workers import send_permission
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, IssueState, Readiness
from newsletter.errors import Conflict
from newsletter.links import Links
from newsletter.publications import Slot, WeekOff, find
from newsletter.workflows import fill_slots, publish
from newsletter.workflows.build_letter import LetterSettings
from tests import slots
from tests.originals import Fill
from tests.sample_services import NOW
from tests.slots import GRACE, SLUGS, TITLES, TUESDAY, enqueue, mails, queued, states

FIRST, SECOND, THIRD = SLUGS
NEXT_SLOT = "Tuesday 1 December 2026 at 09:00 (Europe/Warsaw)"
A_SECOND = timedelta(seconds=1)
A_WEEK = timedelta(weeks=1)


@pytest.fixture
def filled() -> Fill:
    return slots.opened


@pytest.fixture(autouse=True)
def _press(sessions: Sessions) -> None:
    """A copy of a database may send only from now on, and this one for a month."""
    slots.arm(sessions, NOW)


def tick(sessions: Sessions, links: Links, now: datetime, grace: timedelta = GRACE) -> int:
    """What a worker does at that moment; how many issues it started."""
    with sessions.reading() as session:
        openings = fill_slots.open_slots(session, grace, now)
    for opening in openings:
        with sessions.begin() as session:
            fill_slots.fill_slot(session, slots.audience(links), LetterSettings(links), opening, grace, now)
    with sessions.begin() as session:
        return len(publish.publish_due(session, grace, now))


def test_at_the_hour_the_first_of_the_queue_goes_out_and_the_next_one_a_week_later(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST, SECOND)
    assert tick(sessions, links, TUESDAY - A_SECOND) == 0
    assert states(sessions)[FIRST] is IssueState.READY
    assert tick(sessions, links, TUESDAY) == 1
    assert tick(sessions, links, TUESDAY + A_SECOND) == 0
    assert states(sessions) == {FIRST: IssueState.SENDING, SECOND: IssueState.READY, THIRD: IssueState.READY}
    assert queued(sessions) == [SECOND]
    assert tick(sessions, links, TUESDAY + A_WEEK) == 1
    with sessions.reading() as session:
        letters = session.scalars(select(Letter).order_by(Letter.id)).all()
        assert [letter.due_at for letter in letters] == [TUESDAY, TUESDAY + A_WEEK]
        assert session.scalar(select(func.count()).select_from(Copy)) == 2
    assert mails(sessions) == []


def test_an_edit_a_second_before_the_hour_keeps_the_issue_at_home(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST, SECOND)
    with sessions.begin() as session:
        slots.write(session, TITLES[0], TUESDAY - A_SECOND, "Another text.")
    assert tick(sessions, links, TUESDAY) == 1
    assert states(sessions)[FIRST] is IssueState.DRAFT
    assert states(sessions)[SECOND] is IssueState.SENDING
    assert queued(sessions) == [FIRST]


def test_an_issue_that_blocks_itself_meanwhile_is_passed_over(sessions: Sessions, links: Links, now: datetime) -> None:
    enqueue(sessions, now, FIRST, SECOND)
    with sessions.begin() as session:
        slots.write(session, TITLES[0], now, "TK.")
        issue_store.set_readiness(issue_store.find(session, FIRST), Readiness.READY)
    assert tick(sessions, links, TUESDAY) == 1
    assert states(sessions)[FIRST] is IssueState.READY
    assert states(sessions)[SECOND] is IssueState.SENDING
    assert queued(sessions) == [FIRST]


def test_an_issue_that_nobody_approved_is_passed_over_where_that_is_asked_for(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST)
    with sessions.begin() as session:
        find(session).requires_approval = True
    assert tick(sessions, links, TUESDAY) == 0
    assert states(sessions)[FIRST] is IssueState.READY
    assert queued(sessions) == [FIRST]


def test_an_hour_without_an_issue_is_told_to_owners_and_editors_once(sessions: Sessions, links: Links) -> None:
    for moment in (TUESDAY, TUESDAY + A_SECOND):
        assert tick(sessions, links, moment) == 0
    told = mails(sessions)
    assert [address for address, _ in told] == ["editor@desk.example", "owner@desk.example"]
    assert told[0][1].splitlines() == [
        "Tuesday 24 November 09:00 passed without an issue",
        "Tuesday 24 November 2026 at 09:00 (Europe/Warsaw)",
        "When it came, no issue was scheduled for it, and the queue was empty.",
        f"The next slot is {NEXT_SLOT}. An issue that is ready can also be sent now, from its page.",
    ]


def test_an_hour_for_which_nothing_of_the_queue_was_fit_is_told_with_what_each_of_it_lacked(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST, SECOND)
    with sessions.begin() as session:
        find(session).requires_approval = True
        slots.write(session, TITLES[1], now, "Another text.")
    assert tick(sessions, links, TUESDAY) == 0
    told = mails(sessions)[0][1]
    assert "none in the queue could go out. “A tight back” needs an approval. “A calm neck” is a draft." in told


def test_an_hour_is_not_made_up_for_by_what_is_queued_after_it(sessions: Sessions, links: Links) -> None:
    enqueue(sessions, TUESDAY + A_SECOND, FIRST)
    assert tick(sessions, links, TUESDAY + timedelta(minutes=5)) == 0
    assert states(sessions)[FIRST] is IssueState.READY


def test_a_worker_that_was_down_at_the_hour_fills_it_late_within_the_grace(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST)
    assert tick(sessions, links, TUESDAY + GRACE) == 1
    assert mails(sessions) == []


def test_beyond_the_grace_nothing_is_filled_and_the_editors_are_told(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST)
    assert tick(sessions, links, TUESDAY + GRACE + A_SECOND) == 0
    assert queued(sessions) == [FIRST]
    assert "No worker was running when it came," in mails(sessions)[0][1]


def test_what_was_lost_days_ago_is_no_news(sessions: Sessions, links: Links, now: datetime) -> None:
    enqueue(sessions, now, FIRST)
    assert tick(sessions, links, TUESDAY + timedelta(days=3)) == 0
    assert mails(sessions) == []


def test_a_slot_in_a_week_off_is_neither_filled_nor_missed(sessions: Sessions, links: Links, now: datetime) -> None:
    enqueue(sessions, now, FIRST)
    with sessions.begin() as session:
        week = WeekOff(first=date(2026, 11, 23), last=date(2026, 11, 29), reason="Autumn")
        home = find(session)
        home.weeks_off.append(week)
    assert tick(sessions, links, TUESDAY) == 0
    assert mails(sessions) == []
    assert tick(sessions, links, TUESDAY + A_WEEK) == 1


def test_a_slot_that_is_made_after_its_hour_waits_for_the_next_week(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST)
    with sessions.begin() as session:
        session.execute(update(Slot).values(since=TUESDAY + A_SECOND))
    assert tick(sessions, links, TUESDAY + timedelta(minutes=1)) == 0
    assert mails(sessions) == []


def test_a_scheduled_issue_has_its_slot_to_itself(sessions: Sessions, links: Links, now: datetime) -> None:
    enqueue(sessions, now, FIRST)
    with sessions.begin() as session:
        publish.schedule(session, LetterSettings(links), issue_store.find(session, SECOND), TUESDAY, now)
    assert tick(sessions, links, TUESDAY) == 1
    assert states(sessions)[SECOND] is IssueState.SENDING
    assert queued(sessions) == [FIRST]
    assert mails(sessions) == []


def test_a_slot_whose_issue_was_sent_early_is_free_again(sessions: Sessions, links: Links, now: datetime) -> None:
    enqueue(sessions, now, FIRST)
    with sessions.begin() as session:
        publish.schedule(session, LetterSettings(links), issue_store.find(session, SECOND), TUESDAY, now)
        publish.send_now(session, LetterSettings(links), issue_store.find(session, SECOND), now)
    assert tick(sessions, links, TUESDAY) == 1
    assert states(sessions)[FIRST] is IssueState.SENDING


def test_a_queued_issue_that_is_sent_or_scheduled_by_hand_leaves_the_queue(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, *SLUGS)
    with sessions.begin() as session:
        publish.send_now(session, LetterSettings(links), issue_store.find(session, FIRST), now)
        publish.schedule_next(session, LetterSettings(links), issue_store.find(session, SECOND), now, grace=GRACE)
    assert queued(sessions) == [THIRD]


def test_a_database_that_was_restored_fills_nothing_of_before_it_was_armed(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST)
    with sessions.begin() as session:
        send_permission.disarm(session, now)
    assert tick(sessions, links, TUESDAY) == 0
    assert queued(sessions) == [FIRST]
    with sessions.begin() as session:
        send_permission.arm(session, TUESDAY + A_SECOND)
    assert tick(sessions, links, TUESDAY + timedelta(minutes=5)) == 0
    assert mails(sessions) == []
    assert tick(sessions, links, TUESDAY + A_WEEK) == 1


def test_workers_at_the_hour_start_one_issue(sessions: Sessions, links: Links, now: datetime) -> None:
    enqueue(sessions, now, *SLUGS)
    answers = at_once(*[lambda: tick(sessions, links, TUESDAY)] * 4)
    assert sum(answers) == 1
    assert states(sessions) == {FIRST: IssueState.SENDING, SECOND: IssueState.READY, THIRD: IssueState.READY}
    with sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(Copy)) == 1


def test_workers_at_an_empty_hour_write_one_mail_each_editor(sessions: Sessions, links: Links) -> None:
    at_once(*[lambda: tick(sessions, links, TUESDAY)] * 4)
    assert len(mails(sessions)) == 2


def test_an_editor_who_schedules_as_the_hour_strikes_does_not_get_a_second_issue_into_it(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST)
    assert tick(sessions, links, TUESDAY) == 1
    with pytest.raises(Conflict, match="that time is over:"), sessions.begin() as session:
        publish.schedule(session, LetterSettings(links), issue_store.find(session, SECOND), TUESDAY, TUESDAY)
    assert states(sessions)[SECOND] is IssueState.READY


@pytest.mark.parametrize("change", [{"readiness": Readiness.DRAFT}, {"revision_number": Issue.revision_number}])
# SQLite has one writer at a time, so nothing can happen in between.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_worker_waits_for_an_editor_who_is_just_changing_the_issue_and_then_looks_again(
    sessions: Sessions, links: Links, now: datetime, change: dict[str, object]
) -> None:
    enqueue(sessions, now, FIRST)
    with sessions.begin() as editor:
        editor.execute(update(Issue).where(Issue.slug == FIRST).values(change))
        worker = Thread(target=lambda: started.append(tick(sessions, links, TUESDAY)))
        started: list[int] = []
        worker.start()
        worker.join(1)
        assert worker.is_alive()
    worker.join()
    assert started == [0 if "readiness" in change else 1]


def test_undoing_a_schedule_makes_the_issue_ready_again(sessions: Sessions, links: Links, now: datetime) -> None:
    with sessions.begin() as session:
        publish.schedule(session, LetterSettings(links), issue_store.find(session, FIRST), TUESDAY, now)
        assert publish.unschedule(session, issue_store.find(session, FIRST), now) == TUESDAY
    assert states(sessions)[FIRST] is IssueState.READY
    assert tick(sessions, links, TUESDAY) == 0
    with sessions.reading() as session:
        assert session.scalars(select(Letter.state)).all() == [LetterState.CANCELLED]


def test_what_has_begun_cannot_be_undone(sessions: Sessions, links: Links, now: datetime) -> None:
    with sessions.begin() as session:
        publish.send_now(session, LetterSettings(links), issue_store.find(session, FIRST), now)
        with pytest.raises(Conflict, match="is being sent; only an issue that is still scheduled"):
            publish.unschedule(session, issue_store.find(session, FIRST), now)


def test_an_undo_and_a_start_at_once_end_in_one_of_the_two(sessions: Sessions, links: Links, now: datetime) -> None:
    with sessions.begin() as session:
        publish.schedule(session, LetterSettings(links), issue_store.find(session, FIRST), TUESDAY, now)

    def undo() -> int:
        try:
            with sessions.begin() as session:
                publish.unschedule(session, issue_store.find(session, FIRST), TUESDAY)
        except Conflict:
            return 0
        return 1

    assert sum(at_once(undo, lambda: tick(sessions, links, TUESDAY))) == 1
    with sessions.reading() as session:
        copies = session.scalar(select(func.count()).select_from(Copy))
    assert states(sessions)[FIRST] is (IssueState.SENDING if copies else IssueState.READY)


def at_once(*acts: Callable[[], int]) -> list[int]:
    """What each of them gave when all began together."""
    barrier, answers = Barrier(len(acts)), []

    def run(act: Callable[[], int]) -> None:
        barrier.wait()
        answers.append(act())

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
