from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter.delivery import receipts
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause, OutboxMessage, OutboxState
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee, Composed

UNSUBSCRIBE = "https://letters.example.org/unsubscribe/token"


@pytest.fixture
def posted(sessions, publication, now):
    """Puts a letter into the outbox, and says its id."""

    def post(address: str = "reader@example.org", kind: str = "confirm") -> int:
        with sessions.begin() as session:
            composed = Composed(kind, "Please confirm", "<p>Confirm</p>", "Confirm")
            return outbox.post(session, publication, Addressee(address, "Reader", UNSUBSCRIBE), composed, now)

    return post


def test_a_letter_is_claimed_once_with_all_that_sending_it_needs(posted, sessions, now) -> None:
    letter = posted()
    with sessions.begin() as session:
        [claimed] = outbox.claim(session, "w", 10, now)
        assert outbox.claim(session, "w", 10, now) == []
    assert claimed.id == letter
    assert (claimed.sender_address, claimed.html, claimed.state) == (
        "desk@example.org",
        "<p>Confirm</p>",
        OutboxState.SENDING,
    )


def test_a_suppressed_address_is_skipped_at_the_claim_and_why_is_kept(sessions, publication, now) -> None:
    with sessions.begin() as session:
        suppression.add(session, "bo@example.org", Cause.BOUNCE, now - timedelta(days=9))
        for kind, address in [
            ("welcome", "Bo@example.org"),
            ("reset", "bo@example.org"),
            ("welcome", "cy@example.org"),
        ]:
            outbox.post(session, publication, Addressee(address, "Bo", UNSUBSCRIBE), Composed(kind, "s", "h", "t"), now)
    with sessions.begin() as session:
        claimed = [(letter.kind, letter.address) for letter in outbox.claim(session, "w", 10, now)]
        assert claimed == [("reset", "bo@example.org"), ("welcome", "cy@example.org")]
    with sessions.begin() as session:
        skipped = session.scalars(select(OutboxMessage).where(OutboxMessage.state == OutboxState.SKIPPED)).one()
        assert (skipped.reason, skipped.ended_at, skipped.worker) == ("suppressed: bounce", now, None)
        assert (skipped.html, skipped.text, skipped.unsubscribe_url) == ("", "", None)
        assert outbox.prune(session, now + timedelta(days=31)) == 1


def test_an_address_that_is_suppressed_after_the_claim_gets_nothing_either(sessions, publication, now) -> None:
    with sessions.begin() as session:
        for kind in ("welcome", "reset"):
            outbox.post(session, publication, Addressee("bo@example.org", "Bo"), Composed(kind, "s", "h", "t"), now)
    with sessions.begin() as session:
        welcome, reset = (letter.id for letter in outbox.claim(session, "w", 10, now))
        suppression.add(session, "bo@example.org", Cause.BOUNCE, now)
    with sessions.begin() as session:
        assert [outbox.renew(session, "w", letter, now) for letter in (welcome, reset)] == [False, True]
    with sessions.reading() as session:
        skipped = session.get_one(OutboxMessage, welcome)
        assert (skipped.state, skipped.reason, skipped.worker) == (OutboxState.SKIPPED, "suppressed: bounce", None)


def test_of_several_answers_at_once_a_suppressed_address_gets_one_a_day(sessions, publication, now) -> None:
    def ask(at) -> int:
        with sessions.begin() as session:
            for _ in range(2):
                outbox.post(session, publication, Addressee("bo@example.org"), Composed("link", "s", "h", "t"), at)
        with sessions.begin() as session:
            claimed = outbox.claim(session, "w", 10, at)
            assert all(outbox.sent(session, "w", letter.id, "250", at) for letter in claimed)
            for letter in claimed:
                outbox.came_back(session, letter.id, "550 5.7.1 No")
            return len(claimed)

    with sessions.begin() as session:
        suppression.add(session, "bo@example.org", Cause.COMPLAINT, now)
    assert [ask(now), ask(now + timedelta(hours=23)), ask(now + timedelta(hours=25))] == [1, 0, 1]


def test_a_letter_whose_cause_is_undone_is_never_posted(sessions, publication, now) -> None:
    with sessions.begin() as session:
        outbox.post(session, publication, Addressee("a@example.org"), Composed("confirm", "s", "h", "t"), now)
        session.rollback()
    with sessions.begin() as session:
        assert outbox.claim(session, "w", 10, now) == []


def test_a_lease_that_ran_out_is_claimed_again(posted, sessions, now) -> None:
    posted()
    late = now + 2 * outbox.LEASE
    with sessions.begin() as session:
        outbox.claim(session, "w", 10, now)
        assert outbox.recover(session, now) == 0
        assert outbox.recover(session, late) == 1
        assert len(outbox.claim(session, "w", 10, late)) == 1


def test_the_moves_say_whether_they_moved_anything(posted, sessions, now) -> None:
    letter = posted()
    with sessions.begin() as session:
        assert not outbox.sent(session, "w", letter, "250", now)
        outbox.claim(session, "w", 1, now)
        assert outbox.put_off(session, "w", letter, "451", now + timedelta(seconds=5))
        assert outbox.claim(session, "w", 1, now) == []
        [again] = outbox.claim(session, "w", 1, now + timedelta(seconds=5))
        assert again.attempts == 1
        assert outbox.give_back(session, "w", letter)
        assert outbox.claim(session, "w", 1, now + timedelta(seconds=5))[0].attempts == 1
        assert outbox.failed(session, "w", letter, "550", now)
        assert not outbox.sent(session, "w", letter, "250", now)


def test_a_lease_is_renewed_only_by_its_owner(posted, sessions, now) -> None:
    letter = posted()
    late = now + 2 * outbox.LEASE
    with sessions.begin() as session:
        assert not outbox.renew(session, "w", letter, now)
        outbox.claim(session, "w", 1, now)
        assert not outbox.renew(session, "other", letter, late)
        assert outbox.renew(session, "w", letter, late)
        assert outbox.recover(session, late) == 0


def test_a_letter_may_be_sent_while_its_lease_is_fresh_and_its_address_is_not_suppressed(posted, sessions, now) -> None:
    letter = posted()
    with sessions.begin() as session:
        assert not outbox.may_be_sent(session, "w", letter, now)
        [claimed] = outbox.claim(session, "w", 1, now)
        assert outbox.may_be_sent(session, "w", letter, now)
        assert not outbox.may_be_sent(session, "other", letter, now)
        assert not outbox.may_be_sent(session, "w", letter, now + outbox.LEASE / 2)
        suppression.add(session, claimed.address, Cause.BOUNCE, now)
        assert not outbox.may_be_sent(session, "w", letter, now)


def test_who_lost_a_letter_to_another_worker_moves_nothing(posted, sessions, now) -> None:
    letter = posted()
    late = now + 2 * outbox.LEASE
    with sessions.begin() as session:
        outbox.claim(session, "w", 1, now)
        outbox.recover(session, late)
        outbox.claim(session, "other", 1, late)
        assert not outbox.renew(session, "w", letter, late)
        assert not outbox.sent(session, "w", letter, "250", late)
        assert not outbox.failed(session, "w", letter, "550", late)
        assert not outbox.put_off(session, "w", letter, "451", late)
        assert not outbox.give_back(session, "w", letter)
        assert outbox.sent(session, "other", letter, "250", late)


@pytest.mark.parametrize("end", [outbox.sent, outbox.failed])
def test_a_letter_that_ended_keeps_its_record_and_no_words(posted, sessions, now, end) -> None:
    letter = posted()
    with sessions.begin() as session:
        outbox.claim(session, "w", 1, now)
        end(session, "w", letter, "in the end", now)
    with sessions.begin() as session:
        post = session.get_one(OutboxMessage, letter)
    assert (post.html, post.text, post.unsubscribe_url) == ("", "", None)
    assert (post.kind, post.reply, post.ended_at) == ("confirm", "in the end", now)


def test_a_letter_that_is_put_off_keeps_its_words(posted, sessions, now) -> None:
    letter = posted()
    with sessions.begin() as session:
        outbox.claim(session, "w", 1, now)
        outbox.put_off(session, "w", letter, "451", now)
        [again] = outbox.claim(session, "w", 1, now)
    assert (again.html, again.text) == ("<p>Confirm</p>", "Confirm")
    assert again.unsubscribe_url == UNSUBSCRIBE


def test_letters_that_ended_a_month_ago_are_deleted_in_small_groups(posted, sessions, now, monkeypatch) -> None:
    monkeypatch.setattr(outbox, "_PRUNED_AT_ONCE", 2)
    ended = [posted() for _ in range(3)]
    waiting = posted()
    with sessions.begin() as session:
        outbox.claim(session, "w", 3, now)
        for letter in ended:
            outbox.sent(session, "w", letter, "250", now)
    month = timedelta(days=30)
    assert [_pruned(sessions, now + month - timedelta(seconds=1)), _pruned(sessions, now + month)] == [0, 2]
    assert [_pruned(sessions, now + month) for _ in range(2)] == [1, 0]
    with sessions.reading() as session:
        assert session.scalars(select(OutboxMessage.id)).all() == [waiting]


def test_what_became_of_a_letter_that_asked_for_consent_outlives_the_letter(posted, sessions, now) -> None:
    asking, other, lost = posted(), posted(), posted()
    with sessions.begin() as session:
        for letter in (asking, lost):
            post = session.get_one(OutboxMessage, letter)
            post.subscription_id, post.template = 7, "ab12"
        outbox.claim(session, "w", 3, now)
        outbox.sent(session, "w", asking, "250 2.0.0 queued as 4F2", now)
        outbox.sent(session, "w", other, "250 2.0.0 queued as 4F3", now)
        outbox.sent(session, "late", lost, "250 2.0.0 queued as 4F4", now)
    with sessions.begin() as session:
        assert outbox.prune(session, now + timedelta(days=31)) == 2
        [kept] = session.scalars(receipts.select_receipts([7]))
        assert (kept.post_id, kept.template, kept.state, kept.at) == (asking, "ab12", OutboxState.SENT, now)
        assert kept.reply == "250 2.0.0 queued as 4F2"
        assert kept.message_id == f"{now:%Y%m%d%H%M%S%f}.{asking}@example.org"
        receipts.erase_receipts(session, [7])
        assert session.scalars(receipts.select_receipts([7])).all() == []


def test_the_number_of_a_letter_that_is_gone_is_never_given_to_another(posted, sessions) -> None:
    numbers = set()
    for _ in range(3):
        numbers.add(posted())
        with sessions.begin() as session:
            outbox.erase_letters(session, ["reader@example.org"])
    assert len(numbers) == 3


def test_an_erased_readers_letters_are_gone_whatever_their_state(posted, sessions, now) -> None:
    posted("Reader@Example.org")
    posted("other@example.org")
    with sessions.begin() as session:
        outbox.claim(session, "w", 1, now)
        posted_in_all = session.scalar(select(func.count(OutboxMessage.id)))
        outbox.erase_letters(session, ["reader@example.org"])
        assert (posted_in_all, session.scalar(select(func.count(OutboxMessage.id)))) == (2, 1)


def test_what_waits_for_an_editor_goes_out_though_they_are_erased_as_a_reader(posted, sessions, now) -> None:
    done, waiting = posted(kind="changed"), posted(kind="reset")
    with sessions.begin() as session:
        outbox.claim(session, "w", 1, now)
        outbox.sent(session, "w", done, "250 ok", now)
        outbox.erase_letters(session, ["reader@example.org"])
        assert session.scalars(select(OutboxMessage.id)).all() == [waiting]


def _pruned(sessions, now) -> int:
    with sessions.begin() as session:
        return outbox.prune(session, now)
