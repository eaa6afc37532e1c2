from datetime import date, datetime, time, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import update

from newsletter.db import Sessions
from newsletter.delivery.workers import send_permission
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Readiness
from newsletter.editorial.schedule import queue
from newsletter.links import Links
from newsletter.publications import Slot, WeekOff, find
from newsletter.workflows import publish, warn_editors
from newsletter.workflows.build_letter import LetterSettings
from tests import slots
from tests.databases import MOSTLY_SQLITE
from tests.originals import Fill
from tests.sample_services import GRACE, NOW
from tests.slots import SLUGS, TITLES, TUESDAY, enqueue, mails

pytestmark = MOSTLY_SQLITE

FIRST, SECOND, THIRD = SLUGS
TWO_DAYS = TUESDAY - timedelta(days=2)
TWO_HOURS = TUESDAY - timedelta(hours=2)
MOMENTS = (TWO_DAYS, TWO_DAYS + timedelta(hours=5), TWO_HOURS, TWO_HOURS + timedelta(minutes=1), TUESDAY)


@pytest.fixture
def filled() -> Fill:
    return slots.opened


@pytest.fixture(autouse=True)
def _press(sessions: Sessions) -> None:
    """A copy of a database may send only from now on, and this one for a month."""
    slots.arm(sessions, NOW)


def tick(sessions: Sessions, links: Links, *moments: datetime) -> list[str]:
    """What an editor reads of what a worker does at those moments, the words below the slot."""
    before = len(mails(sessions))
    for now in moments:
        with sessions.reading() as session:
            glances = warn_editors.due_checks(session, now)
        for glance in glances:
            with sessions.begin() as session:
                warn_editors.check_slot(session, slots.audience(links), glance, now, grace=GRACE)
    return [text for address, text in mails(sessions)[before:] if address == "editor@desk.example"]


def test_an_empty_slot_is_told_two_days_and_two_hours_before_and_once_each(sessions: Sessions, links: Links) -> None:
    assert tick(sessions, links, TWO_DAYS - timedelta(seconds=1)) == []
    told = tick(sessions, links, *MOMENTS)
    assert len(told) == 2
    assert told[0].splitlines() == [
        "Tuesday 24 November 09:00 has no issue yet",
        "Tuesday 24 November 2026 at 09:00 (Europe/Warsaw)",
        "Nothing is scheduled for it, and the queue is empty.",
        "Put a ready issue into the queue, schedule one for this time, or make it a week off.",
    ]


def test_only_owners_and_editors_are_told(sessions: Sessions, links: Links) -> None:
    tick(sessions, links, TWO_DAYS)
    assert [address for address, _ in mails(sessions)] == ["editor@desk.example", "owner@desk.example"]


def test_a_slot_that_is_filled_is_nobodys_worry(sessions: Sessions, links: Links, now: datetime) -> None:
    enqueue(sessions, now, FIRST)
    assert tick(sessions, links, *MOMENTS) == []


def test_a_scheduled_issue_is_nobodys_worry(sessions: Sessions, links: Links, now: datetime) -> None:
    with sessions.begin() as session:
        publish.schedule(session, LetterSettings(links), issue_store.find(session, FIRST), TUESDAY, now)
    assert tick(sessions, links, *MOMENTS) == []


def test_what_was_mended_is_not_mentioned_again(sessions: Sessions, links: Links, now: datetime) -> None:
    assert len(tick(sessions, links, TWO_DAYS)) == 1
    enqueue(sessions, now, FIRST)
    assert tick(sessions, links, *MOMENTS) == []


def test_what_goes_wrong_in_between_is_told_two_hours_before(sessions: Sessions, links: Links, now: datetime) -> None:
    enqueue(sessions, now, FIRST)
    assert tick(sessions, links, TWO_DAYS) == []
    with sessions.begin() as session:
        queue.remove(session, issue_store.find(session, FIRST).id)
    assert len(tick(sessions, links, *MOMENTS)) == 1


def test_an_unready_issue_is_named_and_so_is_the_one_that_goes_instead(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST)
    with sessions.begin() as session:
        slots.write(session, TITLES[0], now, "Another text.")
    [alone] = tick(sessions, links, TWO_DAYS)
    assert "Tuesday 24 November 09:00: “A tight back” is a draft" in alone
    assert "It comes first in the queue, but is a draft. If this does not change, nothing goes out." in alone
    enqueue(sessions, now, SECOND)
    [before] = tick(sessions, links, TWO_HOURS)
    assert "If this does not change, “A calm neck” goes out instead." in before


def test_an_issue_that_is_marked_ready_but_unfit_is_told_with_the_findings(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST)
    with sessions.begin() as session:
        slots.write(session, TITLES[0], now, "TK.")
        issue_store.set_readiness(issue_store.find(session, FIRST), Readiness.READY)
    [told] = tick(sessions, links, TWO_DAYS)
    assert (
        "It comes first in the queue, but is stopped by preflight. If this does not change, nothing goes out." in told
    )
    assert "“A tight back” is not fit to send" in told
    assert "placeholder" in told


def test_an_issue_that_nobody_approved_is_told_and_so_is_what_goes_instead(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, *SLUGS)
    with sessions.begin() as session:
        find(session).requires_approval = True
        slots.write(session, TITLES[1], now, "Another text.")
        slots.approve(session, links, THIRD, now)
    [told] = tick(sessions, links, TWO_DAYS)
    assert told.splitlines() == [
        "Tuesday 24 November 09:00: “A tight back” needs an approval",
        "Tuesday 24 November 2026 at 09:00 (Europe/Warsaw)",
        (
            "It comes first in the queue, but needs an approval. Behind it: “A calm neck” is a draft. "
            "If this does not change, “A stiff hip” goes out instead."
        ),
        "Ask for approval on the issue's page; or move another one to the front of the queue.",
    ]


def test_a_scheduled_issue_that_would_be_held_is_told(sessions: Sessions, links: Links, now: datetime) -> None:
    with sessions.begin() as session:
        publish.schedule(session, LetterSettings(links), issue_store.find(session, FIRST), TUESDAY, now)
        find(session).requires_approval = True
    [told] = tick(sessions, links, TWO_DAYS)
    assert "Tuesday 24 November 09:00: “A tight back” needs an approval" in told
    assert "It is scheduled for this time, and would be held then." in told


@pytest.mark.parametrize("off", [False, True], ids=["outside the slots", "in a slot on a day off"])
def test_an_issue_scheduled_for_another_time_is_told_of_likewise(
    sessions: Sessions, links: Links, now: datetime, off: bool
) -> None:
    at = TUESDAY if off else TUESDAY - timedelta(minutes=90)
    with sessions.begin() as session:
        home = find(session)
        home.weeks_off.append(WeekOff(first=TUESDAY.date(), last=TUESDAY.date(), reason="A day of rest"))
        publish.schedule(session, LetterSettings(links), issue_store.find(session, FIRST), at, now)
    assert tick(sessions, links, at - timedelta(days=2)) == []
    with sessions.begin() as session:
        find(session).requires_approval = True
    [told] = tick(sessions, links, at - timedelta(hours=2), at - timedelta(hours=1))
    assert f"Tuesday 24 November {'09:00' if off else '07:30'}: “A tight back” needs an approval" in told


def test_what_is_scheduled_for_within_two_hours_was_told_of_on_its_page(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    at = now + timedelta(minutes=90)
    with sessions.begin() as session:
        publish.schedule(session, LetterSettings(links), issue_store.find(session, FIRST), at, now)
        find(session).requires_approval = True
    assert tick(sessions, links, now + timedelta(minutes=1), at) == []


def test_of_two_slots_in_two_days_each_is_told_what_the_other_leaves_to_it(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST)
    with sessions.begin() as session:
        slot = Slot(weekday=1, at=time(18), time_zone="Europe/Warsaw", since=now - timedelta(days=30))
        home = find(session)
        home.slots.append(slot)
    [told] = tick(sessions, links, TWO_DAYS + timedelta(hours=10))
    assert "Tuesday 24 November 18:00 has no issue yet" in told


def test_a_week_off_needs_no_issue(sessions: Sessions, links: Links) -> None:
    with sessions.begin() as session:
        week = WeekOff(first=date(2026, 11, 24), last=date(2026, 11, 24), reason="A day of rest")
        home = find(session)
        home.weeks_off.append(week)
    assert tick(sessions, links, *MOMENTS) == []


def test_a_slot_that_is_made_a_day_before_is_told_two_hours_before_only(sessions: Sessions, links: Links) -> None:
    with sessions.begin() as session:
        session.execute(update(Slot).values(since=TUESDAY - timedelta(days=1)))
    assert len(tick(sessions, links, *MOMENTS)) == 1


def test_an_installation_that_was_down_two_days_before_warns_as_soon_as_it_is_up(
    sessions: Sessions, links: Links
) -> None:
    assert len(tick(sessions, links, TUESDAY - timedelta(hours=7))) == 1
    assert len(tick(sessions, links, TUESDAY - timedelta(hours=1))) == 1


def test_a_database_that_was_restored_tells_nothing_of_before_it_was_armed(sessions: Sessions, links: Links) -> None:
    with sessions.begin() as session:
        send_permission.disarm(session, TWO_DAYS)
    assert tick(sessions, links, TWO_DAYS) == []
    with sessions.begin() as session:
        send_permission.arm(session, TUESDAY - timedelta(days=1))
    assert len(tick(sessions, links, *MOMENTS)) == 1


def test_two_workers_write_one_mail_each_editor(sessions: Sessions, links: Links) -> None:
    barrier = Barrier(4)

    def work() -> None:
        barrier.wait()
        tick(sessions, links, TWO_DAYS)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(mails(sessions)) == 2
