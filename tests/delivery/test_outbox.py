from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter.delivery import outbox
from newsletter.delivery.models import Post, PostState
from newsletter.delivery.outbox import Composed


@pytest.fixture
def posted(sessions, publication, now):
    """Puts a letter into the outbox, and says its id."""

    def post(address: str = "reader@example.org") -> int:
        with sessions.begin() as session:
            composed = Composed("Please confirm", "<p>Confirm</p>", "Confirm")
            letter = outbox.post(session, publication, "confirm", address, "Reader", composed, now)
            session.flush()
            return letter.id

    return post


def test_a_letter_is_claimed_once_with_all_that_sending_it_needs(posted, sessions, now) -> None:
    letter = posted()
    with sessions.begin() as session:
        [claimed] = outbox.claim(session, 10, now)
        assert outbox.claim(session, 10, now) == []
    assert claimed.id == letter
    assert (claimed.sender_address, claimed.html, claimed.state) == (
        "desk@example.org",
        "<p>Confirm</p>",
        PostState.SENDING,
    )


def test_a_letter_whose_cause_is_undone_is_never_posted(sessions, publication, now) -> None:
    with sessions.begin() as session:
        outbox.post(session, publication, "confirm", "a@example.org", "", Composed("s", "h", "t"), now)
        session.rollback()
    with sessions.begin() as session:
        assert outbox.claim(session, 10, now) == []


def test_a_lease_that_ran_out_is_claimed_again(posted, sessions, now) -> None:
    posted()
    late = now + 2 * outbox.LEASE
    with sessions.begin() as session:
        outbox.claim(session, 10, now)
        assert outbox.recover(session, now) == 0
        assert outbox.recover(session, late) == 1
        assert len(outbox.claim(session, 10, late)) == 1


def test_the_moves_say_whether_they_moved_anything(posted, sessions, now) -> None:
    letter = posted()
    with sessions.begin() as session:
        assert not outbox.sent(session, letter, "250", now)
        outbox.claim(session, 1, now)
        assert outbox.put_off(session, letter, "451", now + timedelta(seconds=5))
        assert outbox.claim(session, 1, now) == []
        [again] = outbox.claim(session, 1, now + timedelta(seconds=5))
        assert again.attempts == 1
        assert outbox.give_back(session, letter)
        assert outbox.claim(session, 1, now + timedelta(seconds=5))[0].attempts == 1
        assert outbox.failed(session, letter, "550", now)
        assert not outbox.sent(session, letter, "250", now)


def test_an_erased_readers_letters_are_gone_whatever_their_state(posted, sessions, now) -> None:
    posted("Reader@Example.org")
    posted("other@example.org")
    with sessions.begin() as session:
        outbox.claim(session, 1, now)
        posted_in_all = session.scalar(select(func.count(Post.id)))
        outbox.forget(session, "reader@example.org")
        assert (posted_in_all, session.scalar(select(func.count(Post.id)))) == (2, 1)
