from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter.audience import consent_chain, privacy, signup, unconfirmed, unsubscribe
from newsletter.audience.models import ConsentEvent, Status, Subscriber, Subscription
from newsletter.delivery.bounces import suppression
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.report import Hardness, Kind, Reason
from newsletter.delivery.models import Cause, OutboxMessage, Receipt

ADA, BEN = "ada@example.org", "ben@example.org"
A_WEEK, A_DAY = timedelta(days=7), timedelta(days=1)


def prune(press, after: timedelta) -> int:
    with press.sessions.begin() as session:
        return unconfirmed.prune(session, press.now + after, A_WEEK)


def remind(press, after: timedelta) -> int:
    return press.run(unconfirmed.remind, press.now + after)


def leave(press, email: str, status: Status) -> None:
    with press.sessions.begin() as session:
        unsubscribe.end_all_of_address(session, email, status, press.now)


def count(press, table) -> int:
    with press.sessions.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_who_does_not_confirm_is_deleted_after_a_week_and_the_chain_still_holds(press) -> None:
    press.subscribe(ADA)
    press.answer_letters("250 OK")
    with press.sessions.begin() as session:
        consent_chain.chain_some(session, press.now)
    assert prune(press, A_WEEK - A_DAY) == 0
    assert prune(press, A_WEEK) == 1
    assert [count(press, table) for table in (Subscriber, Subscription, OutboxMessage, Receipt)] == [0, 0, 0, 0]
    with press.sessions.reading() as session:
        [left] = session.scalars(select(ConsentEvent))
        assert (left.subscription_id, left.origin) == (None, None)
        found = consent_chain.verify(session)
        assert (found.broken, found.erased) == (None, 1)
    assert prune(press, A_WEEK) == 0


def test_who_was_deleted_may_sign_up_again_and_be_imported(press) -> None:
    press.subscribe(ADA)
    press.answer_letters("250 OK")
    prune(press, A_WEEK)
    press.subscribe(ADA, at=press.now + A_WEEK)
    assert press.status(ADA) is Status.PENDING
    with press.sessions.reading() as session:
        assert not privacy.erasures.erased_keys(session, press.audience.links.seal, [ADA])


def test_a_week_is_counted_from_the_last_letter(press) -> None:
    press.subscribe(ADA)
    # The letter waits in the outbox, as those of a large import do.
    assert prune(press, 2 * A_WEEK) == 0
    press.answer_letters("250 OK")
    press.subscribe(BEN)
    press.subscribe(BEN, at=press.now + A_DAY)
    assert prune(press, A_WEEK) == 1
    assert press.status(BEN) is Status.PENDING


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PAUSED, Status.UNSUBSCRIBED, Status.BOUNCED])
def test_nobody_else_is_deleted(press, status: Status) -> None:
    press.reader(ADA)
    press.answer_letters("250 OK")
    press.set_status(ADA, status)
    assert prune(press, 9 * A_WEEK) == 0
    assert press.status(ADA) is status


def test_who_left_and_asked_again_in_vain_has_left(press) -> None:
    press.reader(ADA)
    leave(press, ADA, Status.UNSUBSCRIBED)
    press.subscribe(ADA)
    press.reader(BEN)
    with press.sessions.begin() as session:
        suppression.add(session, BEN, Cause.BOUNCE, press.now)
    leave(press, BEN, Status.BOUNCED)
    press.subscribe(BEN)
    press.answer_letters("250 OK")
    assert {press.status(ADA), press.status(BEN)} == {Status.PENDING}
    assert prune(press, A_WEEK) == 2
    assert (press.status(ADA), press.status(BEN)) == (Status.UNSUBSCRIBED, Status.BOUNCED)
    assert press.acts(ADA)[-2:] == [("left", "mail"), ("asked", "form")]


def test_a_person_stays_who_reads_another_publication(press, other_publication) -> None:
    press.reader(ADA)
    press.run(signup.subscribe, other_publication, signup.SignupRequest(ADA, "", None, "Yes"), press.now)
    press.answer_letters("250 OK")
    assert prune(press, A_WEEK) == 1
    assert press.status(ADA) is Status.ACTIVE
    assert press.kinds(ADA) == ["confirm", "welcome", "confirm"]


def test_a_reminder_goes_once_after_a_day(press) -> None:
    press.subscribe(ADA)
    press.answer_letters("250 OK")
    assert [remind(press, after) for after in (A_DAY / 2, A_DAY, A_DAY, 2 * A_DAY)] == [0, 1, 0, 0]
    reminder = press.letters(ADA)[-1]
    assert (reminder.kind, reminder.subscription_id) == ("reminder", press.subscription(ADA).id)
    link = reminder.text.rpartition("/")[2]
    press.answer_letters("250 OK")
    assert remind(press, 2 * A_DAY) == 0
    assert press.run(signup.confirm, link, None, "Yes", press.now + 2 * A_DAY).status is Status.ACTIVE


def test_no_reminder_goes_to_who_confirmed_or_never_got_the_letter_or_asked_long_ago(press) -> None:
    press.reader(ADA)
    press.answer_letters("250 OK")
    press.subscribe(BEN)
    assert remind(press, A_DAY) == 0
    press.answer_letters("250 OK")
    assert remind(press, 4 * A_DAY) == 0


def test_no_reminder_goes_to_an_address_whose_letter_bounced(press) -> None:
    press.subscribe(ADA)
    press.answer_letters("250 OK")
    with press.sessions.begin() as session:
        said = {"hardness": Hardness.SOFT, "reason": Reason.MAILBOX_FULL, "at": press.now, "received_at": press.now}
        session.add(BounceEvent(source="x", way="pipe", kind=Kind.BOUNCE, key=ADA, **said))
    assert remind(press, A_DAY) == 0


def test_a_mailbox_that_is_signed_up_everywhere_gets_one_reminder_in_all(press, other_publication) -> None:
    press.subscribe(ADA)
    press.run(signup.subscribe, other_publication, signup.SignupRequest(ADA, "", None, "Yes"), press.now)
    press.answer_letters("250 OK")
    remind(press, A_DAY)
    assert press.kinds(ADA).count("reminder") == 1
