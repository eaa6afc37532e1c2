from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from threading import Barrier, Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Sessions
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause, Copy, CopyState, Letter, LetterState
from newsletter.delivery.reports import retention, stats
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, IssueState
from newsletter.editorial.source import issue_file
from newsletter.errors import Conflict, Invalid, NotFound
from newsletter.links import Links
from newsletter.publications import Publication, Slot, find
from newsletter.workflows import build_letter, halt_issue, issue_readiness, publish
from newsletter.workflows.build_letter import LetterSettings
from tests.originals import Fill, upon
from tests.sample_services import LINKS, NOW
from tests.sample_source import issue_source

GRACE = timedelta(hours=2)
WARSAW = ZoneInfo("Europe/Warsaw")
TITLES = ("A tight back", "A calm neck")
TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=WARSAW)


def opened(sessions: Sessions, _folder: Path) -> None:
    """A publication with a weekly slot."""
    made = Publication(
        slug="backpainhelp",
        name="BackPainHelp",
        sender_name="BackPainHelp",
        sender_address="letter@backpainhelp.example",
        postal_address="1 Example Street",
        time_zone="Europe/Warsaw",
        created_at=NOW,
        slots=[Slot(weekday=1, at=time(9, 0), time_zone="Europe/Warsaw", since=NOW)],
    )
    with sessions.begin() as session:
        session.add(made)


@upon(opened)
def with_issues(sessions: Sessions, _folder: Path) -> None:
    """Two issues that are ready."""
    with sessions.begin() as session:
        for title in TITLES:
            slug = write(session, find(session), title, NOW)
            issue_readiness.mark_ready(session, issue_store.find(session, slug), LINKS)


@pytest.fixture
def filled(request: pytest.FixtureRequest) -> Fill:
    return with_issues if "slugs" in request.fixturenames else opened


@pytest.fixture
def publication(sessions: Sessions) -> Publication:
    with sessions.reading() as session:
        return find(session)


@pytest.fixture
def slugs() -> list[str]:
    """The issues that are ready (`with_issues`)."""
    return ["a-tight-back", "a-calm-neck"]


def write(session: Session, publication: Publication, title: str, now: datetime) -> str:
    slug = title.lower().replace(" ", "-")
    parsed = issue_file.parse(issue_source(title), f"2026-11-24-{slug}.md")
    issue_store.save(
        session, publication, issue_store.Text(parsed, f"2026-11-24-{slug}.md", {}), issue_store.BY_FILE, now
    )
    return slug


def add_reader(session: Session, publication: Publication, email: str, status: Status, now: datetime) -> int:
    person = Subscriber(email=email, key=email, name="", created_at=now)
    tie = Subscription(subscriber=person, publication_id=publication.id, status=status, created_at=now)
    session.add_all([person, tie])
    session.flush()
    return tie.id


def schedule(sessions: Sessions, links: Links, slug: str, at: datetime, now: datetime) -> Letter:
    with sessions.begin() as session:
        return publish.schedule(session, LetterSettings(links), issue_store.find(session, slug), at, now)


def state(sessions: Sessions, slug: str) -> IssueState:
    with sessions.reading() as session:
        return issue_store.state(issue_store.find(session, slug))


def test_the_next_slot_is_the_first_tuesday_that_no_issue_holds(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime
) -> None:
    with sessions.begin() as session:
        due = [
            publish.schedule_next(
                session, LetterSettings(links), issue_store.find(session, slug), now, grace=GRACE
            ).due_at
            for slug in slugs
        ]
    assert due == [TUESDAY, TUESDAY + timedelta(days=7)]


def test_scheduling_freezes_the_text_that_readers_will_get(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime
) -> None:
    letter = schedule(sessions, links, slugs[0], TUESDAY, now)
    assert state(sessions, slugs[0]) is IssueState.SCHEDULED
    assert letter.subject == "A tight back, in ten minutes"
    changed = issue_file.parse(issue_source() + "More.\n", "2026-11-24-a-tight-back.md")
    draft = issue_store.Text(changed, "2026-11-24-a-tight-back.md", {})
    with sessions.begin() as session:
        home = issue_store.find(session, slugs[0]).publication
        with pytest.raises(Conflict, match="cancel a-tight-back"):
            issue_store.save(session, home, draft, issue_store.BY_FILE, now)


def test_a_sender_for_all_issues_goes_before_the_publications_own_and_replies_still_reach_it(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime
) -> None:
    own = "letter@backpainhelp.example"
    plain = schedule(sessions, links, slugs[0], TUESDAY, now)
    assert (plain.sender_address, plain.reply_to) == (own, None)
    with sessions.begin() as session:
        issue = issue_store.find(session, slugs[1])
        letter = publish.schedule_next(session, LetterSettings(links, "issues@bulk.example"), issue, now, grace=GRACE)
    assert (letter.sender_address, letter.reply_to) == ("issues@bulk.example", own)
    assert letter.list_id == plain.list_id


def test_a_moment_that_has_passed_is_refused(sessions: Sessions, links: Links, slugs: list[str], now: datetime) -> None:
    with pytest.raises(Invalid, match="has passed"):
        schedule(sessions, links, slugs[0], now - timedelta(minutes=1), now)
    assert state(sessions, slugs[0]) is IssueState.READY


def test_a_draft_is_neither_scheduled_nor_sent_until_somebody_says_that_it_is_ready(
    sessions: Sessions, links: Links, publication: Publication, now: datetime
) -> None:
    with sessions.begin() as session:
        draft = issue_store.find(
            session, write(session, session.get_one(Publication, publication.id), "A stiff hip", now)
        )
        for act in (partial(publish.schedule_next, grace=GRACE), publish.send_now):
            with pytest.raises(Conflict, match="“A stiff hip” is a draft; mark it as ready first"):
                act(session, LetterSettings(links), draft, now)
        assert not issue_readiness.can_be_scheduled(draft)
        issue_readiness.mark_ready(session, draft, links)
        assert issue_readiness.can_be_scheduled(draft)
        assert publish.schedule_next(session, LetterSettings(links), draft, now, grace=GRACE).due_at == TUESDAY


def test_only_what_is_ready_or_was_cancelled_in_time_can_be_scheduled(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime
) -> None:
    with sessions.begin() as session:
        issue = issue_store.find(session, slugs[0])
        publish.schedule_next(session, LetterSettings(links), issue, now, grace=GRACE)
        assert not issue_readiness.can_be_scheduled(issue)
        halt_issue.cancel(session, issue, now)
        assert issue_readiness.can_be_scheduled(issue)
        publish.send_now(session, LetterSettings(links), issue, now)
        assert not issue_readiness.can_be_scheduled(issue)
        with pytest.raises(Conflict, match="already being sent"):
            issue_readiness.mark_ready(session, issue, links)


def test_an_issue_that_was_changed_after_it_was_cancelled_has_to_be_marked_ready_again(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime
) -> None:
    schedule(sessions, links, slugs[0], TUESDAY, now)
    with sessions.begin() as session:
        issue = issue_store.find(session, slugs[0])
        halt_issue.cancel(session, issue, now)
        changed = issue_file.parse(issue_source() + "More.\n", issue.file_name)
        issue_store.save(
            session, issue.publication, issue_store.Text(changed, issue.file_name, {}), issue_store.BY_FILE, now
        )
        assert not issue_readiness.can_be_scheduled(issue)
        with pytest.raises(Conflict, match="mark it as ready"):
            publish.schedule_next(session, LetterSettings(links), issue, now, grace=GRACE)
        issue_readiness.mark_ready(session, issue, links)
        assert publish.schedule_next(session, LetterSettings(links), issue, now, grace=GRACE).due_at == TUESDAY


def test_two_issues_never_wait_for_the_same_hour(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime
) -> None:
    schedule(sessions, links, slugs[0], TUESDAY, now)
    with pytest.raises(Conflict, match="another issue is already scheduled"):
        schedule(sessions, links, slugs[1], TUESDAY, now)


def test_a_publication_without_a_slot_asks_for_a_moment(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime
) -> None:
    with sessions.begin() as session:
        issue = issue_store.find(session, slugs[0])
        session.delete(issue.publication.slots[0])
        session.flush()
        session.expire(issue.publication)
        with pytest.raises(NotFound, match="--at"):
            publish.schedule_next(session, LetterSettings(links), issue, now, grace=GRACE)


def test_only_active_unsuppressed_readers_of_the_publication_get_a_copy(
    sessions: Sessions, links: Links, publication: Publication, slugs: list[str], now: datetime
) -> None:
    with sessions.begin() as session:
        reader = add_reader(session, publication, "ada@reader.example", Status.ACTIVE, now)
        for status in set(Status) - {Status.ACTIVE}:
            add_reader(session, publication, f"{status.value}@reader.example", status, now)
        add_reader(session, publication, "bounced-once@reader.example", Status.ACTIVE, now)
        suppression.add(session, "bounced-once@reader.example", Cause.BOUNCE, now)
    schedule(sessions, links, slugs[0], TUESDAY, now)
    with sessions.begin() as session:
        assert [started.copies for started in publish.publish_due(session, GRACE, TUESDAY)] == [1]
    with sessions.reading() as session:
        assert session.scalars(select(Copy.subscription_id)).all() == [reader]


def test_whose_break_is_over_gets_a_copy_though_no_worker_ran_since(
    sessions: Sessions, links: Links, publication: Publication, slugs: list[str], now: datetime
) -> None:
    with sessions.begin() as session:
        for email, until in (("over@reader.example", TUESDAY), ("not-yet@reader.example", TUESDAY + timedelta(days=1))):
            reader = add_reader(session, publication, email, Status.PAUSED, now)
            session.get_one(Subscription, reader).paused_until = until
    schedule(sessions, links, slugs[0], TUESDAY, now)
    with sessions.begin() as session:
        publish.publish_due(session, GRACE, TUESDAY)
        assert session.scalars(select(Copy.address)).all() == ["over@reader.example"]
        left = select(Subscriber.email).join(Subscription.subscriber).where(Subscription.status == Status.PAUSED)
        assert session.scalars(left).all() == ["not-yet@reader.example"]


def test_an_issue_that_cannot_be_started_does_not_hold_up_the_next(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, fine = (schedule(sessions, links, slug, TUESDAY + timedelta(at), now) for at, slug in enumerate(slugs))
    started = publish._start

    def fail_first(session: Session, letter: Letter, *of: Any) -> Any:
        if letter.id == broken.id:
            session.execute(update(Letter).values(due_at=None))  # which no database takes
        return started(session, letter, *of)

    monkeypatch.setattr(publish, "_start", fail_first)
    late = TUESDAY + timedelta(1)
    with sessions.begin() as session:
        (only,) = publish.publish_due(session, timedelta(1), late)
    assert only.letter_id == fine.id
    with sessions.reading() as session:
        assert session.get_one(Letter, broken.id).state is LetterState.WAITING
    with sessions.begin() as session:
        assert publish.publish_due(session, GRACE, late) == []
    with sessions.reading() as session:
        assert session.get_one(Letter, broken.id).state is LetterState.HELD


def test_nothing_goes_out_before_its_hour(sessions: Sessions, links: Links, slugs: list[str], now: datetime) -> None:
    schedule(sessions, links, slugs[0], TUESDAY, now)
    with sessions.begin() as session:
        assert publish.publish_due(session, GRACE, TUESDAY - timedelta(seconds=1)) == []


def test_an_hour_missed_within_the_grace_still_goes_out(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime
) -> None:
    schedule(sessions, links, slugs[0], TUESDAY, now)
    with sessions.begin() as session:
        assert len(publish.publish_due(session, GRACE, TUESDAY + GRACE)) == 1


def test_an_hour_missed_by_more_than_the_grace_waits_for_a_person(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime
) -> None:
    late = TUESDAY + GRACE + timedelta(seconds=1)
    letter = schedule(sessions, links, slugs[0], TUESDAY, now)
    with sessions.begin() as session:
        assert publish.publish_due(session, GRACE, late) == []
    with sessions.reading() as session:
        assert session.get_one(Letter, letter.id).state is LetterState.HELD
    assert state(sessions, slugs[0]) is IssueState.PAUSED
    with sessions.begin() as session:
        publish.send_now(session, LetterSettings(links), issue_store.find(session, slugs[0]), late)
    assert state(sessions, slugs[0]) is IssueState.SENDING


def test_two_workers_at_the_hour_write_each_copy_once(
    sessions: Sessions, links: Links, publication: Publication, slugs: list[str], now: datetime
) -> None:
    with sessions.begin() as session:
        for number in range(50):
            add_reader(session, publication, f"reader{number}@reader.example", Status.ACTIVE, now)
    schedule(sessions, links, slugs[0], TUESDAY, now)
    started = at_once(4, lambda: _publish(sessions))
    assert sum(len(letters) for letters in started) == 1
    with sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(Copy)) == 50


def test_two_issues_that_start_at_once_each_go_to_everybody(
    sessions: Sessions, links: Links, publication: Publication, slugs: list[str], now: datetime
) -> None:
    with sessions.begin() as session:
        for number in range(50):
            add_reader(session, publication, f"reader{number}@reader.example", Status.ACTIVE, now)
    waiting = list(slugs)

    def start() -> int:
        with sessions.begin() as session:
            return publish.send_now(
                session, LetterSettings(links), issue_store.find(session, waiting.pop()), now
            ).copies

    assert at_once(2, start) == [50, 50]
    with sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(Copy)) == 100


# SQLite has one writer at a time, so there is nobody to wait for.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_issue_that_somebody_else_is_just_starting_holds_up_no_other(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime
) -> None:
    first, second = (
        schedule(sessions, links, slug, TUESDAY + timedelta(minutes=n), now) for n, slug in enumerate(slugs)
    )
    with sessions.begin() as editor:
        editor.execute(select(Letter.id).where(Letter.id == first.id).with_for_update())
        assert [started.letter_id for started in _publish(sessions, TUESDAY + GRACE)] == [second.id]
    assert [started.letter_id for started in _publish(sessions, TUESDAY + GRACE)] == [first.id]


def test_an_issue_whose_start_fails_has_not_begun(
    sessions: Sessions, links: Links, publication: Publication, slugs: list[str], now: datetime
) -> None:
    with sessions.begin() as session:
        add_reader(session, publication, "ada@reader.example", Status.ACTIVE, now)
    with pytest.raises(ZeroDivisionError), sessions.begin() as session:
        assert publish.send_now(session, LetterSettings(links), issue_store.find(session, slugs[0]), now).copies / 0
    assert state(sessions, slugs[0]) is IssueState.READY
    with sessions.begin() as session:
        assert publish.send_now(session, LetterSettings(links), issue_store.find(session, slugs[0]), now).copies == 1


def test_an_issue_tells_the_same_figures_after_its_copies_were_dropped(
    sessions: Sessions, links: Links, publication: Publication, slugs: list[str], now: datetime
) -> None:
    with sessions.begin() as session:
        add_reader(session, publication, "ada@reader.example", Status.ACTIVE, now)
        started = publish.send_now(session, LetterSettings(links), issue_store.find(session, slugs[0]), now)
        halt_issue.cancel(session, issue_store.find(session, slugs[0]), now)
        before = stats.copy_counts(session, issue_store.find(session, slugs[0]).letter)
    assert before.skipped == 1
    assert retention.drop_copies(sessions, started.letter_id) == 1
    with sessions.begin() as session:
        issue = issue_store.find(session, slugs[0])
        assert stats.copy_counts(session, issue.letter) == before
        assert not build_letter.is_open(issue)
        with pytest.raises(Conflict, match="nobody is sent an issue twice"):
            publish.send_now(session, LetterSettings(links), issue, now)


def test_two_editors_who_schedule_one_issue_at_once_make_one_letter(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime
) -> None:
    def try_it() -> str:
        try:
            with sessions.begin() as session:
                publish.schedule_next(
                    session, LetterSettings(links), issue_store.find(session, slugs[0]), now, grace=GRACE
                )
        except Conflict as error:
            return str(error)
        return "scheduled"

    answers = at_once(3, try_it)
    assert answers.count("scheduled") == 1
    with sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(Letter)) == 1


def test_cancelling_before_the_hour_lets_the_issue_be_scheduled_again(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime
) -> None:
    schedule(sessions, links, slugs[0], TUESDAY, now)
    with sessions.begin() as session:
        assert halt_issue.cancel(session, issue_store.find(session, slugs[0]), now) == 0
    assert state(sessions, slugs[0]) is IssueState.CANCELLED
    schedule(sessions, links, slugs[0], TUESDAY, now)
    assert state(sessions, slugs[0]) is IssueState.SCHEDULED


def test_cancelling_in_mid_issue_spares_the_rest_and_is_final(
    sessions: Sessions, links: Links, publication: Publication, slugs: list[str], now: datetime
) -> None:
    with sessions.begin() as session:
        add_reader(session, publication, "ada@reader.example", Status.ACTIVE, now)
        publish.send_now(session, LetterSettings(links), issue_store.find(session, slugs[0]), now)
    with sessions.begin() as session:
        assert halt_issue.cancel(session, issue_store.find(session, slugs[0]), now) == 1
    with sessions.begin() as session:
        assert session.scalars(select(Copy.state)).all() == [CopyState.SKIPPED]
        with pytest.raises(Conflict, match="nobody is sent an issue twice"):
            publish.send_now(session, LetterSettings(links), issue_store.find(session, slugs[0]), now)


def test_an_issue_is_sent_once_however_often_it_is_asked_for(
    sessions: Sessions, links: Links, slugs: list[str], now: datetime
) -> None:
    with sessions.begin() as session:
        publish.send_now(session, LetterSettings(links), issue_store.find(session, slugs[0]), now)
    with sessions.begin() as session, pytest.raises(Conflict, match="already being sent"):
        publish.send_now(session, LetterSettings(links), issue_store.find(session, slugs[0]), now)


def test_a_paused_issue_goes_on_when_resumed(sessions: Sessions, links: Links, slugs: list[str], now: datetime) -> None:
    with sessions.begin() as session:
        issue = issue_store.find(session, slugs[0])
        publish.send_now(session, LetterSettings(links), issue, now)
        halt_issue.pause(session, issue)
        assert issue_store.state(issue) is IssueState.PAUSED
        halt_issue.resume(session, issue, now)
        assert issue_store.state(issue) is IssueState.SENDING


def test_an_unfit_issue_is_never_frozen(
    sessions: Sessions, links: Links, publication: Publication, now: datetime
) -> None:
    with sessions.begin() as session:
        home = session.get_one(Publication, publication.id)
        parsed = issue_file.parse(issue_source("Still to come") + "TK\n", "2026-11-24-still-to-come.md")
        issue_store.save(
            session, home, issue_store.Text(parsed, "2026-11-24-still-to-come.md", {}), issue_store.BY_FILE, now
        )
        with pytest.raises(Conflict, match="placeholder"):
            publish.schedule_next(
                session, LetterSettings(links), issue_store.find(session, "still-to-come"), now, grace=GRACE
            )
        with pytest.raises(Conflict, match="placeholder"):
            issue_readiness.mark_ready(session, issue_store.find(session, "still-to-come"), links)
        assert session.scalar(select(Issue.letter_id)) is None


def _publish(sessions: Sessions, at: datetime = TUESDAY) -> list[publish.Started]:
    with sessions.begin() as session:
        return publish.publish_due(session, GRACE, at.astimezone(UTC))


def at_once(times: int, act):  # type: ignore[no-untyped-def]
    """What `act` returned in each of several threads that began together."""
    barrier, answers = Barrier(times), []

    def run() -> None:
        barrier.wait()
        answers.append(act())

    threads = [Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
