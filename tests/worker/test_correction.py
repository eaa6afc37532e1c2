"""A real worker sends an issue, then the letter that corrects it, to those who got the issue and still read."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Sessions
from newsletter.delivery.models import Copy, CopyState, LetterState
from newsletter.editorial.issues import corrections, issue_store
from newsletter.links import Links
from newsletter.tokens import TokenSeal
from newsletter.workflows import correct_issue
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.correct_issue import MailingOrder
from tests.amending import amend
from tests.waiting import wait_for
from tests.worker.conftest import SECRET, SLUG, Sink, Start, addresses, is_finished

LINKS = Links("https://letters.example.org", TokenSeal(SECRET.encode()))


@pytest.fixture
def correct(sessions: Sessions) -> Callable[[], None]:
    """Correct the issue, and mail that."""

    def act() -> None:
        now = datetime.now(UTC)
        with sessions.begin() as session:
            issue = issue_store.find(session, SLUG)
            made = amend(
                session,
                issue,
                f"{issue.revision.source}\nTen minutes.\n",
                "Ten minutes, not ten hours.",
                "ann@press.example",
                now,
            )
            correct_issue.mail_correction(
                session,
                LetterSettings(LINKS),
                issue,
                made,
                MailingOrder("ann@press.example", corrections.seal(made)),
                now,
            )

    return act


@pytest.mark.slow
def test_a_correction_arrives_once_at_those_who_got_the_issue(
    sessions: Sessions, sink: Sink, start: Start, print_issue: Callable[..., None], correct: Callable[[], None]
) -> None:
    print_issue(12)
    start()
    wait_for(lambda: is_finished(sessions))
    gone, *stayed = addresses(12)
    with sessions.begin() as session:
        of = select(Subscriber.id).where(Subscriber.email == gone).scalar_subquery()
        leave = update(Subscription).where(Subscription.subscriber_id == of).values(status=Status.UNSUBSCRIBED)
        session.execute(leave)
    sink.recipients.clear()
    correct()

    def is_over() -> bool:
        with sessions.reading() as session:
            letter = corrections.find(session, issue_store.find(session, SLUG), 1).letter
            return letter is not None and letter.state is LetterState.FINISHED

    wait_for(is_over)
    assert sorted(sink.recipients) == sorted(stayed)


@pytest.mark.slow
def test_a_correction_mailed_in_mid_send_follows_the_copies_that_another_worker_sends_after_the_first_was_killed(
    sessions: Sessions, sink: Sink, start: Start, print_issue: Callable[..., None], correct: Callable[[], None]
) -> None:
    print_issue(12)
    late = datetime.now(UTC) + timedelta(days=1)
    with sessions.begin() as session:
        session.execute(update(Copy).where(Copy.id > 6).values(not_before=late, wished_at=late))
    worker = start()
    wait_for(lambda: _arrived(sessions) == 6)
    worker.kill()
    worker.wait()
    correct()
    with sessions.begin() as session:
        session.execute(update(Copy).where(Copy.not_before == late).values(not_before=datetime.now(UTC)))
    start()
    wait_for(lambda: _arrived(sessions) == 24)
    assert sorted(sink.recipients) == sorted(addresses(12) * 2)


def _arrived(sessions: Sessions) -> int:
    """How many copies have been sent, of the issue and of its correction."""
    with sessions.reading() as session:
        return session.scalar(select(func.count()).where(Copy.state == CopyState.SENT)) or 0
