"""One digest a month for those who chose it, in the month's first slot: no issue twice, and none never."""

import json
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from markupsafe import escape
from sqlalchemy import select, update

from newsletter import editors, publications
from newsletter.audience import topics
from newsletter.audience.models import Pace, Status, Subscriber, Subscription
from newsletter.db import Session
from newsletter.delivery.models import Copy, CopyState, Letter, LetterState, OutboxMessage
from newsletter.delivery.workers import send_permission
from newsletter.delivery.workers.send_permission import SendPermission
from newsletter.editorial.issues import corrections, digests, issue_store
from newsletter.editorial.models import Issue, IssueKind, Readiness
from newsletter.editorial.schedule import queue
from newsletter.editorial.source import issue_file
from newsletter.errors import Conflict
from newsletter.publications import Publication
from newsletter.wiring import Services
from newsletter.workflows import (
    build_letter,
    correct_issue,
    fill_slots,
    issue_readiness,
    monthly_digest,
    prepare_issue,
    publish,
    resend_missed,
)
from newsletter.workflows.calendar import Calendar
from newsletter.workflows.correct_issue import MailingOrder
from newsletter.workflows.recipients import Recipients
from tests import sample_services
from tests.amending import amend
from tests.databases import MOSTLY_SQLITE
from tests.originals import Fill
from tests.sample_services import GRACE

pytestmark = MOSTLY_SQLITE

WARSAW = ZoneInfo("Europe/Warsaw")
BEFORE = datetime(2026, 9, 1, tzinfo=UTC)


def tuesday(month: int, day: int, year: int = 2026) -> datetime:
    """The slot of that day: 09:00 in Warsaw."""
    return datetime(year, month, day, 9, tzinfo=WARSAW).astimezone(UTC)


@pytest.fixture
def filled() -> Fill:
    return sample_services.opened


@pytest.fixture
def press(services: Services) -> "Press":
    with services.sessions.begin() as session:
        home = publications.find(session)
        home.offers_digest = True
        for slot in home.slots:
            slot.since = BEFORE
        send_permission.arm(session, BEFORE)
    return Press(services)


class Press:
    """The shipped publication, which offers a digest, and a clock that the test moves."""

    def __init__(self, services: Services) -> None:
        self.services, self.sessions = services, services.sessions

    def home(self, session: Session) -> Publication:
        return publications.find(session)

    def reader(self, name: str, pace: Pace = Pace.EACH, status: Status = Status.ACTIVE) -> None:
        with self.sessions.begin() as session:
            person = Subscriber(email=f"{name}@a.example", key=f"{name}@a.example", name="", created_at=BEFORE)
            session.add(person)
            session.flush()
            tie = {"subscriber_id": person.id, "publication_id": 1, "status": status, "pace": pace}
            session.add(Subscription(**tie, created_at=BEFORE, confirmed_at=BEFORE))

    def chooses(self, name: str, pace: Pace, now: datetime) -> tuple[Pace, Pace | None]:
        with self.sessions.begin() as session:
            tie = self.subscription(session, name)
            monthly_digest.choose_pace(session, self.services.audience, tie, pace, None, now)
            return tie.pace, tie.next_pace

    def subscription(self, session: Session, name: str) -> Subscription:
        theirs = select(Subscription).join(Subscription.subscriber).where(Subscriber.email == f"{name}@a.example")
        return session.scalars(theirs).one()

    def writes(self, slug: str, at: datetime, tags: str = "") -> None:
        """An issue that waits in its slot."""
        source = f"---\ntitle: {slug.title()}\nsubject: The subject of {slug}\npreheader: All of {slug}.\n"
        source += f"tags: [{tags}]\n---\nText.\n"
        name = f"2026-11-20-{slug}.md"
        with self.sessions.begin() as session:
            text = issue_store.Text(issue_file.parse(source, name), name, {})
            issue_store.save(session, self.home(session), text, issue_store.BY_FILE, at - timedelta(days=1))
            issue = issue_store.find(session, slug)
            issue_readiness.mark_ready(session, issue, self.services.links)
            publish.schedule(session, self.services.letters, issue, at, at - timedelta(days=1))

    def runs(self, now: datetime) -> None:
        """What a worker does of slots, digests and issues, each in a transaction of its own."""
        grace = self.services.grace
        with self.sessions.reading() as session:
            openings = fill_slots.open_slots(session, grace, now)
            due = monthly_digest.due_digests(session, grace, now)
        for opening in openings:
            with self.sessions.begin() as session:
                fill_slots.fill_slot(session, self.services.audience, self.services.letters, opening, grace, now)
        for one in due:
            with self.sessions.begin() as session:
                monthly_digest.send_due(session, self.services.audience, self.services.letters, one, grace, now)
        with self.sessions.begin() as session:
            publish.publish_due(session, grace, now)
        with self.sessions.begin() as session:
            monthly_digest.write_waiting(session, self.services.links, 1, now)

    def had(self, name: str) -> list[str]:
        """The titles of what a reader was sent, in order."""
        with self.sessions.reading() as session:
            copies = select(Issue.title).join(Copy, Copy.letter_id == Issue.letter_id).order_by(Copy.id)
            mine = self.subscription(session, name).id
            return list(session.scalars(copies.where(Copy.subscription_id == mine)))

    def digests(self) -> list[Issue]:
        with self.sessions.reading() as session:
            return list(session.scalars(select(Issue).where(Issue.kind == IssueKind.DIGEST).order_by(Issue.id)))

    def read(self, name: str) -> list[str]:
        """The titles of the issues that a reader was mailed, alone or in a digest."""
        with self.sessions.reading() as session:
            mine = select(Copy.letter_id).where(Copy.subscription_id == self.subscription(session, name).id)
            found = session.scalars(select(Issue).where(Issue.letter_id.in_(mine)).order_by(Issue.id)).all()
            lists = ([one] if one.kind is IssueKind.ISSUE else digests.issues_of(session, one) for one in found)
            return sorted(issue.title for listed in lists for issue in listed)


def test_the_digest_goes_in_the_months_first_slot_beside_the_issue_over_a_change_of_clocks(press: Press) -> None:
    press.reader("weekly")
    press.reader("monthly", Pace.MONTHLY)
    press.reader("away", Pace.MONTHLY, Status.PAUSED)
    # In between the clocks go back, and the slot moves by an hour in UTC.
    for slug, at in (("one", tuesday(10, 13)), ("two", tuesday(10, 20)), ("three", tuesday(10, 27))):
        press.writes(slug, at)
        press.runs(at)
    november = tuesday(11, 3)
    assert (tuesday(10, 20).hour, november.hour) == (7, 8)
    press.writes("four", november)
    press.runs(november - timedelta(seconds=1))
    assert press.had("monthly") == []
    for second in range(3):
        press.runs(november + timedelta(seconds=second))
    assert press.had("weekly") == ["One", "Two", "Three", "Four"]
    assert press.had("monthly") == ["BackPainHelp: October 2026"]
    assert press.read("monthly") == ["One", "Three", "Two"]
    assert press.had("away") == []
    sent, still_open = press.digests()
    assert (sent.letter.state, still_open.title) == (LetterState.RUNNING, "BackPainHelp: November 2026")
    # What came out beside the digest is in the next one.
    press.runs(tuesday(12, 1))
    assert press.read("monthly") == ["Four", "One", "Three", "Two"]


def test_nothing_goes_where_nothing_came_out_and_a_month_has_one_digest_whatever_becomes_of_its_slots(
    press: Press,
) -> None:
    press.reader("monthly", Pace.MONTHLY)
    press.runs(tuesday(11, 3))
    assert press.digests() == []
    press.writes("one", tuesday(11, 10))
    press.runs(tuesday(11, 10))
    with press.sessions.begin() as session:
        for slot in press.home(session).slots:
            slot.weekday, slot.since = 4, tuesday(11, 12)
    for day in range(11, 31):
        press.runs(datetime(2026, 11, day, 12, tzinfo=UTC))
    assert press.had("monthly") == []
    with press.sessions.reading() as session:
        now = datetime(2026, 11, 30, tzinfo=UTC)
        calendar = Calendar(session, press.services.links, press.home(session), now, press.services.grace)
        first = datetime(2026, 12, 4, 8, tzinfo=UTC)
        assert monthly_digest.next_time(session, press.home(session), datetime(2026, 11, 30, tzinfo=UTC)) == first
        forecast = {entry.at: entry.digest for entry in calendar.ahead(8) if entry.digest}
        assert list(forecast) == [first, datetime(2027, 1, 1, 8, tzinfo=UTC)]
        assert forecast[first].digest
        assert forecast[first].digest.title == "BackPainHelp: November 2026"
    press.runs(first)
    assert press.read("monthly") == ["One"]


@pytest.mark.parametrize(("start", "wanted"), [(Pace.EACH, Pace.MONTHLY), (Pace.MONTHLY, Pace.EACH)])
def test_whoever_changes_the_pace_gets_every_issue_exactly_once(press: Press, start: Pace, wanted: Pace) -> None:
    slots = [tuesday(10, 6), tuesday(10, 13), tuesday(10, 20), tuesday(10, 27), tuesday(11, 3), tuesday(11, 10)]
    changes = [at + timedelta(days=1) for at in slots]
    for number in range(len(changes)):
        press.reader(f"reader{number}", start)
    for number, (at, then) in enumerate(zip(slots, changes, strict=True)):
        press.writes(f"issue{number}", at)
        press.runs(at)
        press.chooses(f"reader{number}", wanted, then)
    press.runs(tuesday(12, 1))
    for number in range(len(changes)):
        assert press.read(f"reader{number}") == [f"Issue{each}" for each in range(len(slots))], number
        with press.sessions.reading() as session:
            tie = press.subscription(session, f"reader{number}")
            assert (tie.pace, tie.next_pace) == (wanted, None)


def test_a_change_that_brings_nothing_twice_takes_effect_at_once(press: Press) -> None:
    press.reader("early")
    assert press.chooses("early", Pace.MONTHLY, tuesday(10, 5)) == (Pace.MONTHLY, None)
    press.writes("one", tuesday(10, 13))
    press.runs(tuesday(10, 13))
    press.reader("new")
    assert press.chooses("new", Pace.MONTHLY, tuesday(10, 14)) == (Pace.MONTHLY, None)
    assert press.chooses("early", Pace.EACH, tuesday(10, 14)) == (Pace.MONTHLY, Pace.EACH)
    assert press.chooses("early", Pace.MONTHLY, tuesday(10, 14)) == (Pace.MONTHLY, None)
    with press.sessions.reading() as session:
        notes = [event.note for event in press.subscription(session, "early").events]
    assert notes == ["pace: monthly", "pace: each", "pace: monthly"]


def test_a_missed_slot_is_made_up_within_the_grace_and_told_after_it(press: Press) -> None:
    press.reader("monthly", Pace.MONTHLY)
    press.writes("one", tuesday(10, 13))
    press.runs(tuesday(10, 13))
    late = tuesday(11, 3) + press.services.grace + timedelta(seconds=1)
    with press.sessions.begin() as session:
        editors.add(session, "ed@press.example", editors.Role.OWNER, late)
    press.runs(late)
    press.runs(late)
    assert press.had("monthly") == []
    with press.sessions.reading() as session:
        assert list(session.scalars(select(OutboxMessage.kind))) == ["slot_warning"] * 2
    # What comes out until an editor sends it is in it.
    press.writes("two", tuesday(11, 10))
    press.runs(tuesday(11, 10))
    with press.sessions.begin() as session:
        digest = digests.open_digest(session, 1)
        assert digest
        assert Recipients.of_issue(session, digest).count(session, late) == 1
        publish.send_now(session, press.services.letters, digest, tuesday(11, 11))
    assert press.read("monthly") == ["One", "Two"]


def test_a_digest_that_an_editor_changed_keeps_the_change_and_gets_what_is_new(press: Press) -> None:
    press.reader("monthly", Pace.MONTHLY)
    press.writes("one", tuesday(10, 13))
    press.runs(tuesday(10, 13))
    with press.sessions.begin() as session:
        digest = digests.open_digest(session, 1)
        assert digest
        changed = digest.revision.source.replace("Here is", "We are proud of")
        text = issue_store.Text(issue_file.parse(changed, digest.file_name), digest.file_name, {})
        issue_store.revise(session, digest, text, 1, "ed@press.example", tuesday(10, 14))
    press.writes("two", tuesday(10, 20))
    press.runs(tuesday(10, 20))
    with press.sessions.begin() as session:
        digest = digests.open_digest(session, 1)
        assert digest
        assert "We are proud of what" in digest.revision.source
        assert digest.revision.source.index("[One]") < digest.revision.source.index("[Two]")
        assert digest.readiness is Readiness.DRAFT
    press.runs(tuesday(11, 3))
    assert press.had("monthly") == []
    press.writes("three", tuesday(11, 10))
    press.runs(tuesday(11, 10))
    press.runs(tuesday(12, 1))
    with press.sessions.begin() as session:
        digest = digests.open_digest(session, 1)
        assert digest
        assert "We are proud of what" in digest.revision.source
        issue_readiness.mark_ready(session, digest, press.services.links)
    press.runs(tuesday(1, 5, 2027))
    assert press.read("monthly") == ["One", "Three", "Two"]


@pytest.mark.parametrize(
    "title",
    [
        "1. [Sit](/x) *well* <b>now</b> & `then`",
        "- \\ # ~~all~~ ^that^ ![is](x.png) | ==true==",
        "Ruecken \N{SPOUTING WHALE} \N{ARABIC LETTER ALEF}\N{ARABIC LETTER BEH} " + "long " * 30,
        "\N{CJK UNIFIED IDEOGRAPH-80CC}" * 150,
    ],
)
def test_a_digest_says_a_title_as_it_is_whatever_is_in_it(press: Press, title: str) -> None:
    press.writes("one", tuesday(10, 13))
    press.runs(tuesday(10, 13))
    with press.sessions.begin() as session:
        issue = issue_store.find(session, "one")
        assert issue.frozen_revision
        source = issue.frozen_revision.source.replace("title: One", f"title: {json.dumps(title, ensure_ascii=False)}")
        source = source.replace("preheader: All of one.", f"preheader: {json.dumps(title, ensure_ascii=False)}")
        amend(session, issue, source, "Not all.", "ed@press.example", tuesday(10, 14))
        digest = digests.write_digest(session, press.home(session), press.services.links, tuesday(10, 14))
        assert digest
        mail = prepare_issue.prepare(digest, press.services.links).mail
    assert "/archive/one/" in mail.html
    assert str(escape(title.strip())).replace("&#34;", '"') in mail.html
    assert title[:40] in " ".join(mail.text.split())
    assert 'evil.example"' not in mail.html
    assert len(mail.subject) <= 60


def test_a_digest_is_neither_scheduled_nor_queued_nor_deleted(press: Press) -> None:
    press.writes("one", tuesday(10, 13))
    press.runs(tuesday(10, 13))
    with press.sessions.begin() as session:
        digest = digests.open_digest(session, 1)
        assert digest
        letters = press.services.letters
        for refused in (
            lambda: publish.schedule(session, letters, digest, tuesday(11, 10), tuesday(10, 14)),
            lambda: queue.add(session, digest, tuesday(10, 14)),
            lambda: publish.schedule_next(session, letters, digest, tuesday(10, 14), grace=GRACE),
        ):
            with pytest.raises(Conflict, match="first weekly slot of the month"):
                refused()
        with pytest.raises(Conflict, match="make it a draft"):
            issue_store.remove(session, digest)


def test_where_the_digest_ends_everybody_gets_each_issue_after_the_last_one(press: Press) -> None:
    press.reader("monthly", Pace.MONTHLY)
    press.writes("one", tuesday(10, 13))
    press.runs(tuesday(10, 13))
    with press.sessions.begin() as session:
        press.home(session).offers_digest = False
    for slug, at in (("two", tuesday(10, 20)), ("three", tuesday(11, 3)), ("four", tuesday(11, 10))):
        press.writes(slug, at)
        press.runs(at)
    assert press.had("monthly") == ["BackPainHelp: October 2026", "Three", "Four"]
    assert press.read("monthly") == ["Four", "One", "Three", "Two"]
    with pytest.raises(Conflict):
        press.chooses("monthly", Pace.MONTHLY, tuesday(11, 11))


def test_a_digest_whose_every_issue_has_a_topic_spares_those_who_turned_all_of_them_off(press: Press) -> None:
    with press.sessions.begin() as session:
        press.home(session).topics = ["Neck", "Sleep"]
    for slug, tags, at in (("one", "neck", tuesday(10, 13)), ("two", "sleep", tuesday(10, 20))):
        press.writes(slug, at, tags)
        press.runs(at)
    with press.sessions.begin() as session:
        digest = digests.open_digest(session, 1)
        assert digest
        assert build_letter.topics_of(digest) == ["neck", "sleep"]
    press.writes("three", tuesday(10, 27), "back")
    press.runs(tuesday(10, 27))
    with press.sessions.begin() as session:
        digest = digests.open_digest(session, 1)
        assert digest
        assert build_letter.topics_of(digest) == []


def test_a_digest_lists_an_issue_as_it_was_last_corrected(press: Press) -> None:
    press.reader("monthly", Pace.MONTHLY)
    press.writes("one", tuesday(10, 13))
    press.runs(tuesday(10, 13))
    with press.sessions.begin() as session:
        issue = issue_store.find(session, "one")
        amend(
            session,
            issue,
            issue.revision.source.replace("All of one.", "Nearly all of one."),
            "Not all.",
            "ed@press.example",
            tuesday(10, 14),
        )
    press.runs(tuesday(11, 3))
    assert press.read("monthly") == ["One"]
    with press.sessions.reading() as session:
        assert "Nearly all of one." in issue_store.find(session, press.digests()[0].slug).letter.text


def test_a_correction_goes_to_those_whose_digest_listed_the_issue_before_it_was_corrected(press: Press) -> None:
    press.reader("weekly")
    press.reader("monthly", Pace.MONTHLY)
    press.writes("one", tuesday(10, 13))
    press.writes("two", tuesday(10, 20))
    for at in (tuesday(10, 13), tuesday(10, 20)):
        press.runs(at)
    arrive(press)
    early = correct(press, "two", tuesday(10, 21))
    press.runs(tuesday(11, 3))
    arrive(press)
    late = correct(press, "one", tuesday(11, 4))
    with press.sessions.begin() as session:
        assert correct_issue.catch_up(session, tuesday(11, 5)) == 0
        letters = {letter: select(Copy.address).where(Copy.letter_id == letter) for letter in (early, late)}
        assert session.scalars(letters[early]).all() == ["weekly@a.example"]
        assert sorted(session.scalars(letters[late])) == ["monthly@a.example", "weekly@a.example"]


def test_a_digest_that_goes_out_while_its_issue_is_corrected_is_followed_by_the_correction(press: Press) -> None:
    press.reader("monthly", Pace.MONTHLY)
    press.writes("one", tuesday(10, 13))
    press.runs(tuesday(10, 13))
    press.runs(tuesday(11, 3))
    letter_id = correct(press, "one", tuesday(11, 3) + timedelta(hours=1))
    arrive(press)
    with press.sessions.begin() as session:
        assert correct_issue.catch_up(session, tuesday(11, 3) + timedelta(hours=2)) == 1
        theirs = session.scalars(select(Copy.address).where(Copy.letter_id == letter_id))
        assert theirs.all() == ["monthly@a.example"]


def arrive(press: Press) -> None:
    """Every copy that waits arrives."""
    with press.sessions.begin() as session:
        session.execute(update(Copy).values(state=CopyState.SENT))


def correct(press: Press, slug: str, at: datetime) -> int:
    """Correct an issue, and mail that; the letter's id."""
    with press.sessions.begin() as session:
        issue = issue_store.find(session, slug)
        made = amend(session, issue, f"{issue.revision.source}\nMore.\n", "Not all.", "ed@press.example", at)
        order = MailingOrder("ed@press.example", corrections.seal(made))
        return correct_issue.mail_correction(session, press.services.letters, issue, made, order, at).letter_id


def test_a_digest_whose_transaction_is_cut_short_is_sent_as_if_nothing_had_been(press: Press) -> None:
    press.reader("monthly", Pace.MONTHLY)
    press.reader("changing")
    press.writes("one", tuesday(10, 13))
    press.runs(tuesday(10, 13))
    press.chooses("changing", Pace.MONTHLY, tuesday(10, 14))
    now = tuesday(11, 3)
    with press.sessions.reading() as session:
        (due,) = monthly_digest.due_digests(session, press.services.grace, now)

    def send_and_die() -> None:
        with press.sessions.begin() as session:
            audience, letters = press.services.audience, press.services.letters
            assert monthly_digest.send_due(session, audience, letters, due, press.services.grace, now)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send_and_die()
    press.runs(now)
    press.writes("two", tuesday(11, 10))
    press.runs(tuesday(11, 10))
    press.runs(tuesday(12, 1))
    assert press.had("monthly") == ["BackPainHelp: October 2026", "BackPainHelp: November 2026"]
    assert press.had("changing") == ["One", "BackPainHelp: November 2026"]


def test_a_clock_that_is_put_back_sends_nothing_twice(press: Press) -> None:
    press.reader("monthly", Pace.MONTHLY)
    press.writes("one", tuesday(10, 13))
    for now in (tuesday(10, 13), tuesday(11, 3), tuesday(11, 2), tuesday(11, 3) + timedelta(minutes=1)):
        press.runs(now)
    assert press.had("monthly") == ["BackPainHelp: October 2026"]


def test_two_workers_send_one_digest(press: Press) -> None:
    press.reader("monthly", Pace.MONTHLY)
    press.writes("one", tuesday(10, 13))
    press.runs(tuesday(10, 13))
    barrier, now = Barrier(2), tuesday(11, 3)
    with press.sessions.reading() as session:
        (due,) = monthly_digest.due_digests(session, press.services.grace, now)

    def work() -> None:
        barrier.wait()
        with press.sessions.begin() as session:
            audience, letters = press.services.audience, press.services.letters
            monthly_digest.send_due(session, audience, letters, due, press.services.grace, now)

    workers = [Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert press.had("monthly") == ["BackPainHelp: October 2026"]


def test_a_restored_press_sends_no_digest_from_before_it_was_allowed_to(press: Press) -> None:
    press.reader("monthly", Pace.MONTHLY)
    press.writes("one", tuesday(10, 13))
    press.runs(tuesday(10, 13))
    with press.sessions.begin() as session:
        session.execute(update(SendPermission).values(armed_at=tuesday(11, 3) + timedelta(minutes=1)))
    press.runs(tuesday(11, 3) + timedelta(minutes=2))
    assert press.had("monthly") == []
    press.runs(tuesday(12, 1))
    assert press.read("monthly") == ["One"]


def test_a_reader_who_missed_an_issue_and_got_it_in_a_digest_is_not_sent_it_again(press: Press) -> None:
    """Nor before the digest is out; and one who chose other topics since is not sent it either."""
    for name in ("changed", "weekly", "off"):
        press.reader(name)
    slot = tuesday(11, 10)
    with press.sessions.begin() as session:
        press.home(session).topics = ["Back"]
    press.writes("one", slot, tags="Back")
    press.runs(slot)
    with press.sessions.begin() as session:
        session.execute(update(Copy).values(state=CopyState.FAILED))
        session.execute(update(Letter).values(state=LetterState.FINISHED, finished_at=slot))
        topics.turn_off(session, [(press.subscription(session, "off").id, "back")])
    assert press.chooses("changed", Pace.MONTHLY, slot) == (Pace.MONTHLY, None)
    for later in (slot + timedelta(days=1), tuesday(12, 1)):
        press.runs(later)
        with press.sessions.begin() as session:
            missed = resend_missed.find_missed(session, issue_store.find(session, "one"), later)
            assert (missed.copies, missed.spared) == (1, 2)
    with press.sessions.begin() as session:
        assert resend_missed.resend(session, issue_store.find(session, "one"), tuesday(12, 1)) == 1
        again = select(Copy.subscription_id).join(Issue, Issue.letter_id == Copy.letter_id)
        again = again.where(Issue.slug == "one", Copy.state == CopyState.PENDING)
        assert session.scalars(again).all() == [press.subscription(session, "weekly").id]
