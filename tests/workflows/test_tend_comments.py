"""Mail about comments: the team hears what waits, writers are asked to confirm, and replies are told of."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from newsletter import editors
from newsletter.audience import unsubscribe
from newsletter.audience.models import Channel, Status, Subscriber, Subscription
from newsletter.delivery.models import OutboxMessage
from newsletter.delivery.transactional import outbox
from newsletter.delivery.workers.context import WorkerContext
from newsletter.editorial.issues import archive
from newsletter.editors import Role
from newsletter.engagement import comments
from newsletter.engagement.comments import Comment, CommentState, NewComment, ReplyMail
from newsletter.wiring import Services
from newsletter.workflows import tend_comments
from tests import sample_services
from tests.originals import Fill
from tests.sample_services import NOW, OUT

APPROVED, WAITING, SPAM = CommentState.APPROVED, CommentState.WAITING, CommentState.SPAM
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
Write = Callable[..., int]


@pytest.fixture
def filled() -> Fill:
    return sample_services.stocked


@pytest.fixture
def write(services: Services) -> Write:
    def store(name: str, state: CommentState = APPROVED, at: datetime = NOW, *, slug: str = OUT[0], **fields) -> int:
        email = "" if "subscription_id" in fields or "is_team" in fields else f"{name.lower()}@example.org"
        with services.sessions.begin() as session:
            issue = archive.find(session, slug)
            values = {"email": email, "key": email} | fields
            new = NewComment(issue.publication_id, issue.id, name, f"Words of {name} {at}", state, **values)
            return comments.add(session, new, at) or 0

    return store


def tend(services: Services, at: datetime) -> list[dict[str, str]]:
    """What one round puts into the outbox."""
    before = len(sample_services.letters(services))
    tend_comments.work(services.sessions, services.audience, WorkerContext("w", lambda: at))
    return sample_services.letters(services)[before:]


def join(services: Services) -> None:
    with services.sessions.begin() as session:
        for role in Role:
            editors.add(session, f"{role}@desk.example", role, NOW)


def test_the_team_hears_of_several_at_once_and_once_in_six_hours(services: Services, write: Write) -> None:
    join(services)
    write("Ada", WAITING)
    write("Spam", SPAM)
    assert tend(services, NOW + 14 * MINUTE) == []
    write("Bob", WAITING, NOW + 14 * MINUTE)
    write("Cleo", WAITING, NOW + 15 * MINUTE, slug=OUT[1])
    first = tend(services, NOW + 15 * MINUTE)
    assert {letter["address"] for letter in first} == {"owner@desk.example", "editor@desk.example"}
    assert first[0]["headline"] == "3 comments are waiting"
    assert first[0]["issues"].startswith("2 on “Unwind a tight back")
    assert first[0]["comments_url"] == services.links.desk("comments", "backpainhelp")
    write("Dan", WAITING, NOW + HOUR)
    assert tend(services, NOW + 6 * HOUR) == []
    later = tend(services, NOW + 6 * HOUR + 15 * MINUTE)
    assert [letter["headline"] for letter in later] == ["1 comment is waiting"] * 2
    assert tend(services, NOW + 99 * HOUR) == []


def test_the_team_hears_nothing_of_what_was_decided_meanwhile(services: Services, write: Write) -> None:
    join(services)
    write("Ada", WAITING)
    with services.sessions.begin() as session:
        session.execute(update(Comment).values(state=SPAM))
    assert tend(services, NOW + HOUR) == []


def test_an_address_that_was_typed_is_asked_once_after_the_comment_was_approved(
    services: Services, write: Write
) -> None:
    held = write("Ada", WAITING, reply_mail=ReplyMail.ASKED)
    write("Bob")
    assert tend(services, NOW + 10 * MINUTE) == []
    with services.sessions.begin() as session:
        session.execute(update(Comment).where(Comment.id == held).values(state=APPROVED, changed_at=NOW + HOUR))
    assert tend(services, NOW + HOUR + MINUTE) == []
    [asking] = tend(services, NOW + HOUR + 2 * MINUTE)
    assert (asking["kind"], asking["address"]) == ("comment_confirm", "ada@example.org")
    assert asking["issue_title"].startswith("Unwind a tight back")
    # Somebody may have typed another's address: nothing of what they typed is mailed there.
    assert "Words of" not in str(asking)
    assert services.links.open_reply_mail(asking["confirm_url"].rpartition("/")[2], NOW + HOUR) == held
    with services.sessions.begin() as session:
        session.execute(update(Comment).values(changed_at=NOW + 2 * HOUR))
    assert tend(services, NOW + 9 * HOUR) == []


def test_replies_are_told_of_in_one_mail_to_each_who_has_confirmed(services: Services, write: Write) -> None:
    confirmed = {"reply_mail": ReplyMail.CONFIRMED}
    parent = write("Ada", **confirmed)
    write("Asked", parent_id=parent, reply_mail=ReplyMail.ASKED)
    write("Silent", parent_id=parent)
    write("Elsewhere", **confirmed)
    tend(services, NOW + HOUR)
    later = NOW + 2 * HOUR
    write("Bob", at=later, parent_id=parent, **confirmed)
    write("Ada", at=later, parent_id=parent)
    write("Spam", SPAM, later, parent_id=parent)
    write("BackPainHelp", at=later, parent_id=parent, is_team=True)
    told = {letter["address"]: letter for letter in tend(services, later + HOUR)}
    assert {address: letter["names"] for address, letter in told.items()} == {
        "ada@example.org": "Bob, BackPainHelp",
        "bob@example.org": "Ada, BackPainHelp",
    }
    ada = told["ada@example.org"]
    assert ada["comments_url"] == f"{services.links.archive(OUT[0])}comments#comment-{parent}"
    assert services.links.open_reply_stop(ada["stop_url"].rpartition("/")[2]) == parent
    with services.sessions.reading() as session:
        letters = session.scalars(select(OutboxMessage).where(OutboxMessage.address == "ada@example.org"))
        assert {letter.unsubscribe_url for letter in letters} == {ada["stop_url"]}
    assert tend(services, later + 9 * HOUR) == []


@pytest.mark.parametrize(("status", "is_told"), [(Status.ACTIVE, True), (Status.UNSUBSCRIBED, False)])
def test_a_reader_who_has_left_hears_of_no_replies(
    services: Services, write: Write, status: Status, *, is_told: bool
) -> None:
    with services.sessions.begin() as session:
        reader = Subscriber(email="ada@example.org", key="ada@example.org", created_at=NOW)
        publication_id = archive.find(session, OUT[0]).publication_id
        mine = Subscription(subscriber=reader, publication_id=publication_id, status=status, created_at=NOW)
        session.add(mine)
        session.flush()
        subscription_id = mine.id
    parent = write("Ada", subscription_id=subscription_id, reply_mail=ReplyMail.CONFIRMED)
    write("Bob", parent_id=parent)
    addresses = [letter["address"] for letter in tend(services, NOW + HOUR)]
    assert addresses == (["ada@example.org"] if is_told else [])
    with services.sessions.begin() as session:
        mine = session.get_one(Subscription, subscription_id)
        unsubscribe.end_subscription(session, mine, Status.UNSUBSCRIBED, Channel.ONE_CLICK, NOW + 2 * HOUR)
        assert outbox.claim(session, "w", 9, NOW + 2 * HOUR) == []


def test_old_spam_is_pruned_on_the_way(services: Services, write: Write) -> None:
    write("Spam", SPAM)
    tend(services, NOW + timedelta(days=30))
    with services.sessions.reading() as session:
        assert session.scalars(select(Comment)).all() == []
