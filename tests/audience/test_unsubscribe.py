from datetime import timedelta

import pytest

from newsletter.audience import emails, signup, unsubscribe
from newsletter.audience.models import Channel, Status
from newsletter.delivery.models import CopyState, OutboxState
from newsletter.errors import Conflict, Invalid

ADA = "ada@example.org"


def leave(press, way: Channel = Channel.ONE_CLICK, at: timedelta = timedelta()) -> None:
    press.run(unsubscribe.unsubscribe_by_link, press.leave_token(ADA, 7), way, None, press.now + at)


def test_leaving_takes_effect_at_once_and_says_which_letter_it_was(press) -> None:
    press.reader(ADA)
    leave(press)
    subscription = press.subscription(ADA)
    assert (subscription.status, subscription.left_at) == (Status.UNSUBSCRIBED, press.now)
    assert press.acts(ADA)[-1] == ("left", "one-click")
    assert press.events(ADA)[-1].letter_id == 7


def test_leaving_twice_is_as_leaving_once(press) -> None:
    press.reader(ADA)
    leave(press)
    leave(press, at=timedelta(hours=1))
    assert press.subscription(ADA).left_at == press.now
    assert [act for act, _ in press.acts(ADA)].count("left") == 1


def test_leaving_from_many_places_at_once_is_one_leaving(press, together) -> None:
    press.reader(ADA)
    assert together(*[lambda: leave(press, Channel.LINK)] * 4) == []
    assert [act for act, _ in press.acts(ADA)].count("left") == 1
    assert press.kinds(ADA).count("goodbye") == 1


def test_a_copy_that_waits_is_skipped_when_its_reader_leaves(press) -> None:
    press.reader(ADA)
    letter_id = press.queue_copy(ADA)
    leave(press)
    copy = press.copy(letter_id)
    assert (copy.state, copy.reason) == (CopyState.SKIPPED, "unsubscribed")


def test_what_nobody_asked_for_is_skipped_once_its_reader_has_left(press, other_publication) -> None:
    reader, token = press.reader(ADA), press.leave_token(ADA)
    press.run(emails.link, emails.ReaderAddress(press.publication, reader.id, ADA), press.now)
    press.run(signup.subscribe, other_publication, signup.SignupRequest(ADA, "", None, "Yes"), press.now)
    press.run(unsubscribe.unsubscribe_by_link, token, Channel.ONE_CLICK, None, press.now)
    assert [(letter.kind, letter.state, letter.reason) for letter in press.letters(ADA)] == [
        ("confirm", OutboxState.SKIPPED, "unsubscribed"),
        ("welcome", OutboxState.SKIPPED, "unsubscribed"),
        ("link", OutboxState.PENDING, None),
        ("confirm", OutboxState.PENDING, None),
    ]


def test_only_leaving_from_a_page_is_answered_with_a_letter(press) -> None:
    press.reader(ADA)
    leave(press, Channel.ONE_CLICK)
    assert press.kinds(ADA) == ["confirm", "welcome"]
    press.set_status(ADA, Status.ACTIVE)
    leave(press, Channel.LINK)
    assert press.kinds(ADA)[-1] == "goodbye"


def test_a_forged_link_lets_nobody_go(press) -> None:
    press.reader(ADA)
    with pytest.raises(Invalid):
        press.run(unsubscribe.unsubscribe_by_link, press.preferences_token(ADA), Channel.LINK, None, press.now)
    assert press.status(ADA) is Status.ACTIVE


def test_leaving_can_be_taken_back_within_a_day(press) -> None:
    press.reader(ADA)
    leave(press)
    token = press.leave_token(ADA)
    for _ in range(2):
        back = press.run(unsubscribe.undo_unsubscribe, token, None, press.now + timedelta(hours=23))
        assert (back.status, back.left_at) == (Status.ACTIVE, None)
    assert press.acts(ADA)[-2:] == [("left", "one-click"), ("resumed", "link")]


def test_leaving_cannot_be_taken_back_after_a_day(press) -> None:
    press.reader(ADA)
    leave(press)
    with pytest.raises(Conflict, match="sign up again"):
        press.run(unsubscribe.undo_unsubscribe, press.leave_token(ADA), None, press.now + timedelta(hours=25))


def test_a_complaint_cannot_be_taken_back_by_a_link(press) -> None:
    press.reader(ADA)
    with press.sessions.begin() as session:
        assert unsubscribe.end_all_of_address(session, ADA, Status.COMPLAINED, press.now) == 1
    with pytest.raises(Conflict):
        press.run(unsubscribe.undo_unsubscribe, press.leave_token(ADA), None, press.now)


def test_a_reason_is_added_to_the_record_once_for_each_leaving(press) -> None:
    press.reader(ADA)
    token = press.leave_token(ADA)
    press.run(unsubscribe.record_reason, token, "still a reader", press.now)
    leave(press)
    press.run(unsubscribe.record_reason, token, "  \0 ", press.now)
    press.run(unsubscribe.record_reason, token, "too\nmany\x1b letters" + "!" * 600, press.now)
    press.run(unsubscribe.record_reason, token, "again", press.now)
    reasons = [event.note for event in press.events(ADA) if event.act == "explained"]
    assert len(reasons) == 1
    assert reasons[0].startswith("too many letters!")
    assert len(reasons[0]) == unsubscribe.MAX_REASON


@pytest.mark.parametrize("status", [Status.BOUNCED, Status.COMPLAINED])
def test_an_address_that_fails_loses_every_subscription_once(press, status: Status) -> None:
    press.reader(ADA)
    letter_id = press.queue_copy(ADA)
    with press.sessions.begin() as session:
        assert unsubscribe.end_all_of_address(session, ADA, status, press.now, "550 no such user") == 1
    with press.sessions.begin() as session:
        assert unsubscribe.end_all_of_address(session, ADA, status, press.now) == 0
    assert press.status(ADA) is status
    assert press.acts(ADA)[-1] == (status.value, "mail")
    assert press.copy(letter_id).reason == status.value


def test_a_bounce_does_not_hide_that_a_reader_left(press) -> None:
    press.reader(ADA)
    leave(press)
    with press.sessions.begin() as session:
        assert unsubscribe.end_all_of_address(session, ADA, Status.BOUNCED, press.now) == 0
    assert press.status(ADA) is Status.UNSUBSCRIBED


def test_a_reader_may_leave_after_a_bounce(press) -> None:
    press.reader(ADA)
    with press.sessions.begin() as session:
        unsubscribe.end_all_of_address(session, ADA, Status.BOUNCED, press.now)
    leave(press)
    assert press.status(ADA) is Status.UNSUBSCRIBED
