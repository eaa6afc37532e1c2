"""An issue goes to its segment, as it was frozen with the issue, and to nobody else."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from newsletter import editors, publications
from newsletter.audience import tags
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Condition, Rule
from newsletter.db import Session
from newsletter.delivery.models import Copy, CopyState, LetterState
from newsletter.editorial.issues import corrections, issue_store
from newsletter.editorial.models import Issue
from newsletter.editors import Role
from newsletter.errors import Conflict, NotFound
from newsletter.wiring import Services
from newsletter.workflows import (
    approve_issue,
    correct_issue,
    issue_readiness,
    publish,
    rehearse_issue,
    resend_missed,
)
from newsletter.workflows.approve_issue import Review
from newsletter.workflows.choose_segment import choose_segment, delete_segment
from newsletter.workflows.correct_issue import MailingOrder
from newsletter.workflows.recipients import Recipients
from tests import sample_services
from tests.amending import amend
from tests.originals import Fill
from tests.sample_services import NOW, WAITING

HOUR = timedelta(hours=1)


@pytest.fixture
def filled() -> Fill:
    return sample_services.stocked


def subscribe(session: Session, email: str, *names: str, status: Status = Status.ACTIVE) -> int:
    reader = Subscriber(email=email, key=email, name="", created_at=NOW)
    session.add(reader)
    session.flush()
    tie = Subscription(subscriber_id=reader.id, publication_id=1, status=status, created_at=NOW, confirmed_at=NOW)
    session.add(tie)
    session.flush()
    tags.add_tags(session, [(tie.id, tag) for tag in tags.ensure_tags(session, 1, names).values()])
    return tie.id


def aim(session: Session, slug: str, *conditions: tuple[str, ...]) -> Issue:
    """The issue, to go to a new segment of these conditions."""
    issue, rule = issue_store.find(session, slug), Rule(conditions=tuple(Condition.parse(*each) for each in conditions))
    issue.segment_id = segments.save(session, issue.publication, "chosen", rule, NOW).id
    return issue


def addresses(session: Session, issue: Issue) -> list[str]:
    return sorted(session.scalars(select(Copy.address).where(Copy.letter_id == issue.letter_id)))


def test_an_issue_goes_to_its_segment_as_it_was_when_scheduled(services: Services) -> None:
    with services.sessions.begin() as session:
        for email, names in (("vip@a.example", ["VIP"]), ("both@a.example", ["VIP", "new"]), ("other@a.example", [])):
            subscribe(session, email, *names)
        subscribe(session, "away@a.example", "VIP", status=Status.PAUSED)
        issue = aim(session, WAITING, ("tag", "is", "vip"))
        assert Recipients.of_issue(session, issue).count(session, NOW) == 2
        publish.schedule(session, services.letters, issue, NOW + HOUR, NOW)
        # What it goes to is frozen with it; who that is, is told when it goes.
        segments.save(
            session,
            issue.publication,
            "chosen",
            Rule(conditions=(Condition.parse("tag", "is", "new"),)),
            NOW,
            issue.segment_id,
        )
        subscribe(session, "later@a.example", "VIP")
        assert Recipients.of_issue(session, issue_store.find(session, WAITING)).count(session, NOW) == 3
    with services.sessions.begin() as session:
        publish.publish_due(session, HOUR, NOW + HOUR)
        issue = issue_store.find(session, WAITING)
        assert addresses(session, issue) == ["both@a.example", "later@a.example", "vip@a.example"]
        assert issue.letter
        assert issue.letter.segment["name"] == "chosen"


def test_an_issue_whose_segment_is_gone_is_not_scheduled(services: Services) -> None:
    with services.sessions.begin() as session:
        issue = aim(session, WAITING, ("tag", "is", "vip"))
        segments.delete(session, segments.get_segment(session, 1, issue.segment_id or 0))
        with pytest.raises(NotFound, match="no such segment"):
            publish.schedule(session, services.letters, issue, NOW + HOUR, NOW)


def test_an_issue_whose_segment_can_no_longer_be_told_is_held_and_the_others_go(services: Services) -> None:
    with services.sessions.begin() as session:
        subscribe(session, "ada@a.example")
        out = issue_store.find(session, sample_services.OUT[0])
        issue = aim(session, WAITING, ("issue", "missed", str(out.letter_id)))
        publish.schedule(session, services.letters, issue, NOW + HOUR, NOW)
        other = next(one for one in _ready(session) if one.slug != WAITING)
        publish.schedule(session, services.letters, other, NOW + HOUR + timedelta(minutes=1), NOW)
        out.letter.final_counts = {"sent": 0}
    with services.sessions.begin() as session:
        started = publish.publish_due(session, HOUR, NOW + HOUR + timedelta(minutes=2))
        assert [one.letter_id for one in started] == [issue_store.find(session, other.slug).letter_id]
        assert issue_store.find(session, WAITING).letter.state is LetterState.HELD


def _ready(session: Session) -> list[Issue]:
    return list(session.scalars(select(Issue).where(Issue.letter_id.is_(None)).order_by(Issue.id)))


def test_a_rehearsal_composes_the_copies_of_the_segment_alone(services: Services) -> None:
    with services.sessions.begin() as session:
        subscribe(session, "vip@a.example", "vip")
        subscribe(session, "other@b.example")
        issue = aim(session, WAITING, ("tag", "is", "vip"))
        found = rehearse_issue.rehearse_issue(
            session,
            issue,
            NOW,
            settings=services.settings,
            letters=services.letters,
            keyring=services.keyring,
            watched=lambda copies, _count: copies,
        )
    assert (found.readers, dict(found.rehearsal.domains)) == (1, {"a.example": 1})


def test_those_who_missed_it_are_sent_it_within_a_segment_and_who_joined_within_its_own(services: Services) -> None:
    with services.sessions.begin() as session:
        home = publications.find(session)
        for email, names in (("a@a.example", ["vip", "north"]), ("b@a.example", ["vip"])):
            subscribe(session, email, *names)
        issue = aim(session, WAITING, ("tag", "is", "vip"))
        publish.send_now(session, services.letters, issue, NOW)
        failed = {"state": CopyState.FAILED, "reason": "gave up"}
        for copy in session.scalars(select(Copy).where(Copy.letter_id == issue.letter_id)):
            copy.state, copy.reason = failed["state"], failed["reason"]
        issue.letter.state, issue.letter.finished_at = LetterState.FINISHED, NOW
        later = _join(session, "c@a.example", "vip", "north"), _join(session, "d@a.example", "north")
        assert all(later)
        north = segments.save(session, home, "north", Rule(conditions=(Condition.parse("tag", "is", "north"),)), NOW)
        frozen = segments.freeze(session, north)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, WAITING)
        found = resend_missed.find_missed(session, issue, NOW + HOUR, joined=True, segment=frozen)
        assert (found.failed, found.joined, found.spared) == (1, 1, 0)
        assert resend_missed.find_missed(session, issue, NOW + HOUR).failed == 2
        resend_missed.resend(session, issue, NOW + HOUR, joined=True, segment=frozen)
        letter_id = issue.letter_id
    resend_missed.resend_rest(services.sessions, letter_id, NOW + HOUR, joined=True, segment=frozen)
    with services.sessions.reading() as session:
        pending = select(Copy.address).where(Copy.letter_id == letter_id, Copy.state == CopyState.PENDING)
        assert sorted(session.scalars(pending)) == ["a@a.example", "c@a.example"]


def test_a_correction_goes_only_to_those_of_a_segment_who_got_the_issue(services: Services) -> None:
    with services.sessions.begin() as session:
        for email, names in (("a@a.example", ["north"]), ("b@a.example", []), ("gone@a.example", ["north"])):
            subscribe(session, email, *names)
        publish.send_now(session, services.letters, issue_store.find(session, WAITING), NOW)
        subscribe(session, "later@a.example", "north")
        session.execute(update(Subscription).where(Subscription.id == 3).values(status=Status.UNSUBSCRIBED))
        rule = Rule(conditions=(Condition.parse("tag", "is", "north"),))
        frozen = segments.freeze(session, segments.save(session, publications.find(session), "north", rule, NOW))
    with services.sessions.begin() as session:
        issue = issue_store.find(session, WAITING)
        assert issue.letter
        session.execute(update(Copy).where(Copy.letter_id == issue.letter_id).values(state=CopyState.SENT))
        issue.letter.state, issue.letter.finished_at = LetterState.FINISHED, NOW
        found = correct_issue.audience(session, issue, NOW, NOW, frozen)
        assert (found.size, found.unreachable) == (1, 1)
        made = amend(session, issue, f"{issue.revision.source}\nMore.\n", "More.", "ann@press.example", NOW)
        order = MailingOrder("ann@press.example", corrections.seal(made), frozen)
        sent = correct_issue.mail_correction(session, services.letters, issue, made, order, NOW)
        theirs = session.scalars(select(Copy.address).where(Copy.letter_id == sent.letter_id))
        assert list(theirs) == ["a@a.example"]


def test_only_copies_to_a_corrections_segment_are_said_to_be_followed_by_it(services: Services) -> None:
    with services.sessions.begin() as session:
        for email, names in (("a@a.example", ["north"]), ("b@a.example", []), ("c@a.example", [])):
            subscribe(session, email, *names)
        issue = issue_store.find(session, WAITING)
        publish.send_now(session, services.letters, issue, NOW)
        rule = Rule(conditions=(Condition.parse("tag", "is", "north"),))
        frozen = segments.freeze(session, segments.save(session, issue.publication, "north", rule, NOW))
        made = amend(session, issue, f"{issue.revision.source}\nMore.\n", "More.", "ann@press.example", NOW)
        order = MailingOrder("ann@press.example", corrections.seal(made), frozen)
        assert correct_issue.mail_correction(session, services.letters, issue, made, order, NOW).copies == 0
        session.refresh(made)
        assert correct_issue.count_coming(session, issue, made, NOW) == 1


def test_an_approval_counts_only_for_the_readers_it_was_given_for(services: Services) -> None:
    with services.sessions.begin() as session:
        issue = aim(session, WAITING, ("tag", "is", "vip"))
        issue.publication.requires_approval = True
        approver = editors.add(session, "second@desk.example", Role.EDITOR, NOW)
        shown = issue_readiness.approvable_content(issue, services.links)
        approve_issue.approve(session, services.links, issue, Review(shown, approver.email), NOW)
        vip = segments.get_segment(session, 1, issue.segment_id or 0)

        def is_approved() -> bool:
            return approve_issue.approval_status(session, services.links, issue).approval is not None

        assert is_approved()
        for rule in (Rule(conditions=(Condition.parse("tag", "is", "other"),)), vip.rule):
            segments.save(session, issue.publication, "chosen", rule, NOW, vip.id)
        assert is_approved()
        choose_segment(session, issue, None)
        assert not is_approved()
        with pytest.raises(Conflict, match="a second person"):
            publish.schedule(session, services.letters, issue, NOW + HOUR, NOW)
        # Who looked at it before the change cannot approve it unseen.
        with pytest.raises(Conflict, match="whom it goes to, has changed"):
            approve_issue.approve(session, services.links, issue, Review(shown, approver.email), NOW)
        choose_segment(session, issue, vip)
        publish.schedule(session, services.letters, issue, NOW + HOUR, NOW)
        with pytest.raises(Conflict, match="unschedule it first"):
            choose_segment(session, issue, None)
        with pytest.raises(Conflict, match="is to go to the segment"):
            delete_segment(session, vip)
    with services.sessions.begin() as session:
        assert len(publish.publish_due(session, HOUR, NOW + HOUR)) == 1
        delete_segment(session, segments.find(session, 1, "chosen"))


def _join(session: Session, email: str, *names: str) -> int:
    tie = session.get_one(Subscription, subscribe(session, email, *names))
    tie.confirmed_at = NOW + timedelta(minutes=5)
    return tie.id
