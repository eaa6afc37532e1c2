import hashlib
import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter.audience import preferences, privacy, subscribers, unsubscribe
from newsletter.audience.models import Channel, ConsentEvent, Subscriber, Subscription
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause, CopyState, Receipt
from newsletter.delivery.transactional import outbox
from newsletter.errors import NotFound

ADA = "ada@example.org"


def erase(press, email: str = ADA) -> None:
    with press.sessions.begin() as session:
        privacy.erase(session, press.audience, email, press.now)


def test_erasure_leaves_no_trace_of_the_person_but_the_promise_not_to_write(press) -> None:
    press.reader(ADA, "Ada")
    letter_id = press.queue_copy(ADA)
    with press.sessions.begin() as session:
        suppression.add(session, ADA, Cause.COMPLAINT, press.now)
    erase(press, "ADA@example.org")
    with press.sessions.reading() as session:
        for table in (Subscriber, Subscription):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        # What was done stays on record; whose consent it was does not.
        assert session.scalar(select(func.count(ConsentEvent.id))) == 2
        assert session.scalar(select(func.count(ConsentEvent.subscription_id))) == 0
        assert suppression.list_causes(session, ADA)
    copy = press.copy(letter_id)
    assert (copy.state, copy.reason) == (CopyState.SKIPPED, "erased")
    assert "ada" not in (copy.address + copy.name).lower()
    assert press.letters(ADA) == []


def test_the_letter_that_asked_for_the_consent_is_part_of_ones_data_until_one_is_erased(press) -> None:
    press.subscribe(ADA)
    [asking] = press.letters(ADA)
    with press.sessions.begin() as session:
        outbox.claim(session, "w", 9, press.now)
        outbox.sent(session, "w", asking.id, "250 2.0.0 queued as 4F2", press.now)
        outbox.prune(session, press.now + timedelta(days=31))
    with press.sessions.reading() as session:
        [letter] = privacy.export_data(session, subscribers.find(session, ADA))["confirm_letters"]
    assert (letter["answer"], letter["at"]) == ("250 2.0.0 queued as 4F2", press.now.isoformat())
    assert letter["message_id"].endswith("@example.org")
    assert letter["wording"] == "the words of a confirm letter"
    assert letter["template"] == hashlib.sha256(letter["wording"].encode()).hexdigest()
    erase(press)
    with press.sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(Receipt)) == 0


def test_erasure_works_on_a_reader_whose_history_was_just_read(press) -> None:
    press.reader(ADA)
    with press.sessions.begin() as session:
        reader = subscribers.find(session, ADA)
        assert subscribers.history(reader)["events"]
        privacy.erase_reader(session, press.audience, reader, press.now)
    with press.sessions.reading() as session:
        assert session.scalar(select(func.count(ConsentEvent.subscription_id))) == 0


def test_nobody_is_erased_twice(press) -> None:
    press.reader(ADA)
    erase(press)
    with pytest.raises(NotFound):
        erase(press)


def test_an_erased_reader_s_links_never_open_another_reader_s_pages(press) -> None:
    press.reader(ADA)
    preferences_token, leave_token = press.preferences_token(ADA), press.leave_token(ADA)
    erase(press)
    press.reader("bob@example.org")
    with pytest.raises(NotFound, match="erased"):
        press.run(preferences.open_preferences_link, preferences_token, press.now)
    with pytest.raises(NotFound, match="erased"):
        press.run(unsubscribe.unsubscribe_by_link, leave_token, Channel.ONE_CLICK, None, press.now)


def test_a_reader_gets_everything_that_is_held_about_them(press) -> None:
    press.reader(ADA, "Ada")
    press.queue_copy(ADA)
    with press.sessions.reading() as session:
        subscription = session.get_one(Subscription, press.subscription(ADA).id)
        data = json.loads(json.dumps(privacy.export_data(session, subscription.subscriber)))
    assert (data["email"], data["name"], data["suppressed"]) == (ADA, "Ada", [])
    assert data["letters"] == [{"subject": "One issue", "state": "pending", "at": None}]
    assert [event["act"] for event in data["events"]] == ["asked", "confirmed"]
