"""What is foretold of the slots to come is what their hours do: one function decides both."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Condition, Rule
from newsletter.db import Session, Sessions, open_engine
from newsletter.delivery.models import Letter
from newsletter.delivery.workers import send_permission
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, Readiness
from newsletter.editorial.schedule import queue
from newsletter.links import Links
from newsletter.publications import Slot, WeekOff, find
from newsletter.tokens import TokenSeal
from newsletter.workflows import fill_slots, publish
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.calendar import Calendar, CalendarEntry
from tests import slots
from tests.originals import Originals
from tests.sample_services import NOW
from tests.slots import GRACE, SLUGS, TITLES, TUESDAY, enqueue

FIRST, SECOND, THIRD = SLUGS
FRIDAY = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
A_WEEK, MINUTE = timedelta(weeks=1), timedelta(minutes=1)
MOMENTS = [FRIDAY, TUESDAY, FRIDAY + A_WEEK, TUESDAY + A_WEEK]
EARLIER = "a-sore-foot"
BESIDE = TUESDAY + timedelta(days=1)


def opened(sessions: Sessions, _folder: Path) -> None:
    """An open press with three issues that are ready, and a segment of those who missed an earlier one."""
    links = Links("https://letters.example.org", TokenSeal(b"a secret for tests"))
    slots.open_press(sessions, links, NOW)
    with sessions.begin() as session:
        slots.write(session, "A sore foot", NOW - A_WEEK)
        issue = issue_store.find(session, EARLIER)
        issue_store.set_readiness(issue, Readiness.READY)
        letter_id = publish.send_now(session, LetterSettings(links), issue, NOW - A_WEEK).letter_id
        rule = Rule(conditions=(Condition.parse("issue", "missed", str(letter_id)),))
        segments.save(session, issue.publication, "missed", rule, NOW)


@contextmanager
def a_press(originals: Originals, folder: Path) -> Iterator[Sessions]:
    """On one database: the SQL runs on both in the tests of the hour."""
    with originals.copy("sqlite", opened, folder) as url:
        engine = open_engine(url)
        sessions = Sessions(engine)
        with sessions.begin() as session:
            send_permission.arm(session, NOW - timedelta(days=30))
        yield sessions
        engine.dispose()


@pytest.fixture
def sessions(originals: Originals, tmp_path: Path) -> Iterator[Sessions]:
    with a_press(originals, tmp_path) as made:
        yield made


def agenda(session: Session, links: Links, now: datetime, grace: timedelta = timedelta()) -> Calendar:
    return Calendar(session, links, find(session), now, grace)


def foretold(session: Session, links: Links, now: datetime, slots_: int = 3) -> list[str | None]:
    """The slugs that fill the next slots."""
    return [entry.issue.slug if entry.issue else None for entry in agenda(session, links, now).ahead(slots_)]


def test_slots_are_given_to_what_may_go_out_in_the_queues_order(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, *SLUGS)
    with sessions.begin() as session:
        issue_store.set_readiness(issue_store.find(session, SECOND), Readiness.DRAFT)
    with sessions.reading() as session:
        entries = agenda(session, links, now).ahead(3)
        assert [entry.issue and entry.issue.slug for entry in entries] == [FIRST, THIRD, None]
        assert [entry.is_queued for entry in entries] == [True, True, False]
        lacks = [[one.blocker.lack for one in entry.passed] for entry in entries]
        assert lacks == [[], ["is a draft"], ["is a draft"]]


def test_an_unapproved_issue_is_foretold_for_no_slot(sessions: Sessions, links: Links, now: datetime) -> None:
    enqueue(sessions, now, *SLUGS)
    with sessions.begin() as session:
        find(session).requires_approval = True
        slots.approve(session, links, SECOND, now)
        slots.approve(session, links, THIRD, now)
    with sessions.reading() as session:
        entry, *others = agenda(session, links, now).ahead(3)
        assert entry.issue
        assert entry.issue.slug == SECOND
        assert [(one.issue.slug, one.blocker.lack) for one in entry.passed] == [(FIRST, "needs an approval")]
        assert [other.issue and other.issue.slug for other in others] == [THIRD, None]


def test_an_edit_that_voids_an_approval_gives_the_slot_to_the_next(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST, SECOND)
    with sessions.begin() as session:
        find(session).requires_approval = True
        for slug in (FIRST, SECOND):
            slots.approve(session, links, slug, now)
        assert foretold(session, links, now) == [FIRST, SECOND, None]
        slots.write(session, TITLES[0], now, "Another text.")
        issue_store.set_readiness(issue_store.find(session, FIRST), Readiness.READY)
        assert foretold(session, links, now) == [SECOND, None, None]


def test_a_change_of_the_publication_voids_every_approval_and_that_is_foretold(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST)
    with sessions.begin() as session:
        find(session).requires_approval = True
        slots.approve(session, links, FIRST, now)
        assert foretold(session, links, now, 1) == [FIRST]
        find(session).tagline = "Another line in every mail."
        assert foretold(session, links, now, 1) == [None]


def test_an_issue_that_preflight_stops_is_foretold_for_no_slot(sessions: Sessions, links: Links, now: datetime) -> None:
    enqueue(sessions, now, FIRST, SECOND)
    with sessions.begin() as session:
        slots.write(session, TITLES[0], now, "TK.")
        issue_store.set_readiness(issue_store.find(session, FIRST), Readiness.READY)
        assert foretold(session, links, now) == [SECOND, None, None]


def test_an_issue_of_which_nobody_knows_any_more_whom_it_goes_to_is_foretold_for_no_slot(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST, SECOND)
    with sessions.begin() as session:
        missed = segments.find(session, find(session).id, "missed").id
        for slug in (FIRST, THIRD):
            issue_store.find(session, slug).segment_id = missed
        publish.schedule(session, LetterSettings(links), issue_store.find(session, THIRD), BESIDE, now)
        assert foretold(session, links, now) == [FIRST, THIRD, SECOND, None]
        issue_store.find(session, EARLIER).letter.final_counts = {"sent": 1}
        queued, beside = agenda(session, links, now).ahead(1)
        assert queued.issue is issue_store.find(session, SECOND)
        lack = "goes to a segment that no longer works"
        assert ([one.blocker.lack for one in queued.passed], beside.blocker and beside.blocker.lack) == ([lack], lack)


def test_readers_are_promised_no_date_that_a_slot_to_be_filled_or_a_press_that_may_not_send_would_break(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST, SECOND)
    with sessions.begin() as session:
        assert agenda(session, links, now, GRACE).promised() == TUESDAY
        assert agenda(session, links, TUESDAY + MINUTE, GRACE).promised() is None
        send_permission.disarm(session, now)
        assert agenda(session, links, now, GRACE).promised() is None


def test_a_scheduled_issue_that_would_be_held_at_its_hour_says_so(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    with sessions.begin() as session:
        publish.schedule(session, LetterSettings(links), issue_store.find(session, FIRST), TUESDAY, now)
        publish.schedule(session, LetterSettings(links), issue_store.find(session, SECOND), BESIDE, now)
        find(session).requires_approval = True
        entries = agenda(session, links, now).ahead(1)
        assert [entry.blocker and entry.blocker.lack for entry in entries] == ["needs an approval"] * 2


def test_an_hour_that_was_missed_and_can_still_be_made_up_for_takes_the_first_of_the_queue(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST, SECOND)
    late = TUESDAY + timedelta(minutes=30)
    with sessions.begin() as session:
        shown = agenda(session, links, late, GRACE).ahead(1)
        assert [(entry.at, entry.issue and entry.issue.slug, entry.is_due) for entry in shown] == [
            (TUESDAY, FIRST, True),
            (TUESDAY + A_WEEK, SECOND, False),
        ]
        sent = [agenda(session, links, late, GRACE).queued_entry(issue_store.find(session, slug)) for slug in SLUGS]
        assert [entry and entry.at for entry in sent] == [TUESDAY, TUESDAY + A_WEEK, None]
        too_late = agenda(session, links, TUESDAY + GRACE + timedelta(seconds=1), GRACE).ahead(1)
        assert [entry.issue and entry.issue.slug for entry in too_late] == [FIRST]
    with sessions.begin() as session:
        queue.remove(session, issue_store.find(session, FIRST).id)
        queue.remove(session, issue_store.find(session, SECOND).id)
        # What was queued after the slot's time waits for the next one.
        queue.add(session, issue_store.find(session, FIRST), late)
        free = agenda(session, links, late, GRACE).place(issue_store.find(session, THIRD))
        assert free == TUESDAY + 2 * A_WEEK


def test_a_slot_beyond_those_shown_is_one_all_the_same(sessions: Sessions, links: Links, now: datetime) -> None:
    with sessions.begin() as session:
        publish.schedule(session, LetterSettings(links), issue_store.find(session, FIRST), TUESDAY + 5 * A_WEEK, now)
        publish.schedule(session, LetterSettings(links), issue_store.find(session, SECOND), BESIDE, now)
        entries = {entry.at: entry.is_slot for entry in agenda(session, links, now).ahead(1)}
    assert entries == {TUESDAY: True, BESIDE: False, TUESDAY + 5 * A_WEEK: True}


def test_the_slot_for_the_asking_is_behind_those_that_may_go_out(
    sessions: Sessions, links: Links, now: datetime
) -> None:
    enqueue(sessions, now, FIRST, SECOND)
    with sessions.begin() as session:
        asked = agenda(session, links, now)
        places = [asked.place(issue_store.find(session, slug)) for slug in SLUGS]
        assert places == [TUESDAY, TUESDAY + A_WEEK, TUESDAY + 2 * A_WEEK]
        issue_store.set_readiness(issue_store.find(session, FIRST), Readiness.DRAFT)
        assert [agenda(session, links, now).place(issue_store.find(session, slug)) for slug in SLUGS[1:]] == places[:2]


@dataclass(frozen=True)
class Fate:
    """What happens to an issue before the slots come."""

    waits: str
    """`queue`, `nowhere`, or the moment that it is scheduled for, by its number; 9 for one beside the slots."""
    mends: Sequence[str]
    """In this order: `approve`, `edit`, `break`, `ready`, `draft`."""
    is_aimed: bool
    """Whether it goes to those who missed an earlier issue."""


fates = st.builds(
    Fate,
    st.sampled_from(["queue", "queue", "queue", "nowhere", "0", "1", "3", "9"]),
    st.lists(st.sampled_from(["approve", "approve", "edit", "break", "ready", "ready", "draft"]), max_size=4),
    st.sampled_from([False, False, True]),
)


@given(
    own=st.tuples(fates, fates, fates),
    order=st.permutations(SLUGS),
    approvals=st.booleans(),
    tagline=st.booleans(),
    friday=st.booleans(),
    off=st.sampled_from([None, date(2026, 11, 24), date(2026, 12, 1)]),
    forgotten=st.booleans(),
    seen=st.sampled_from([NOW, NOW, FRIDAY + GRACE, TUESDAY + GRACE / 2, TUESDAY + GRACE + MINUTE]),
)
@settings(
    max_examples=settings.default.max_examples // 4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@pytest.mark.slow
def test_what_is_foretold_is_what_the_hours_do(
    originals: Originals,
    links: Links,
    own: tuple[Fate, Fate, Fate],
    order: Sequence[str],
    approvals: bool,
    tagline: bool,
    friday: bool,
    off: date | None,
    forgotten: bool,
    seen: datetime,
) -> None:
    """`forgotten`: nobody knows any more who missed the earlier issue. No worker runs before it is `seen`."""
    with TemporaryDirectory() as folder, a_press(originals, Path(folder)) as sessions:
        with sessions.begin() as session:
            _prepare(session, dict(zip(SLUGS, own, strict=True)), order, links)
            issue_store.find(session, EARLIER).letter.final_counts = {"sent": 1} if forgotten else None
            home = find(session)
            home.requires_approval = approvals
            home.tagline = "Another line." if tagline else home.tagline
            if friday:
                since = NOW - timedelta(days=30)
                home.slots.append(Slot(weekday=4, at=time(18, 30), time_zone="Europe/Warsaw", since=since))
            if off:
                home.weeks_off.append(WeekOff(first=off, last=off, reason="Rest"))
        with sessions.reading() as session:
            calendar = agenda(session, links, seen, GRACE)
            entries = calendar.ahead(4)
            _tells_the_same_everywhere(session, calendar, entries)
            promised = {e.at: e.issue.slug for e in entries if e.issue and not e.blocker and e.at <= MOMENTS[-1]}
            places = {slug: calendar.place(issue_store.find(session, slug)) for slug in SLUGS}
        queued = {e.issue.slug: e.at for e in entries if e.issue and e.is_queued and not e.is_due}
        assert queued.items() <= places.items()
        kept: dict[datetime, str] = {}
        for moment in sorted({seen, *MOMENTS, BESIDE}):
            kept |= _strike(sessions, links, moment) if moment >= seen else {}
    assert kept == promised


def _tells_the_same_everywhere(session: Session, calendar: Calendar, entries: Sequence[CalendarEntry]) -> None:
    """The month, one slot, the line on top, readers' pages and an issue's page say what the list says."""
    assert calendar.between(NOW, entries[-1].at + timedelta(seconds=1)) == entries
    assert all(calendar.slot(each.at) == each for each in entries if each.is_slot and each.at > calendar.now)
    following = next(each for each in entries if each.issue or not each.off)
    assert calendar.following() == following
    is_certain = following.issue and not following.blocker and not following.is_due
    assert calendar.promised() == (following.at if is_certain else None)
    for slug in SLUGS:
        issue = issue_store.find(session, slug)
        if entry := calendar.queued_entry(issue):
            assert entry in entries or entry.at > entries[-1].at
        else:
            assert issue not in [each.issue for each in entries if each.is_queued]


def _prepare(session: Session, own: dict[str, Fate], order: Sequence[str], links: Links) -> None:
    home = find(session)
    home.requires_approval = True
    taken: set[str] = set()
    for slug in order:
        if own[slug].is_aimed:
            issue_store.find(session, slug).segment_id = segments.find(session, home.id, "missed").id
        if own[slug].waits == "queue":
            queue.add(session, issue_store.find(session, slug), NOW)
        elif own[slug].waits.isdigit() and own[slug].waits not in taken:
            taken.add(own[slug].waits)
            home.requires_approval = False
            at = BESIDE if own[slug].waits == "9" else MOMENTS[int(own[slug].waits)]
            publish.schedule(session, LetterSettings(links), issue_store.find(session, slug), at, NOW)
            home.requires_approval = True
    for title, slug in zip(TITLES, SLUGS, strict=True):
        for mend in own[slug].mends:
            _mend(session, title, issue_store.find(session, slug), mend, links)


def _mend(session: Session, title: str, issue: Issue, mend: str, links: Links) -> None:
    if mend == "approve" and not any(step.is_standing_approval for step in issue.approval_steps):
        slots.approve(session, links, issue.slug, NOW)
    elif issue.letter is not None:
        return
    elif mend in {"edit", "break"}:
        slots.write(session, title, NOW, f"{'TK.' if mend == 'break' else 'Another text.'} {issue.revision_number}")
    elif mend in {"ready", "draft"}:
        issue_store.set_readiness(issue, Readiness(mend))


def _strike(sessions: Sessions, links: Links, now: datetime) -> dict[datetime, str]:
    """What a worker does at that hour: which issue it starts, by when that was due."""
    with sessions.reading() as session:
        openings = fill_slots.open_slots(session, GRACE, now)
    for opening in openings:
        with sessions.begin() as session:
            fill_slots.fill_slot(session, slots.audience(links), LetterSettings(links), opening, GRACE, now)
    with sessions.begin() as session:
        started = [one.letter_id for one in publish.publish_due(session, GRACE, now)]
        begun = select(Letter.due_at, Issue.slug).join(Issue, Issue.letter_id == Letter.id)
        return dict(session.execute(begun.where(Letter.id.in_(started))).all())
