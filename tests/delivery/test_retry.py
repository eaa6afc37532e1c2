from datetime import timedelta

import pytest

from newsletter.delivery.rate_limit.spacing import Spacing
from newsletter.delivery.smtp.replies import Reply
from newsletter.delivery.smtp.retry import COPIES, LETTERS, ReplyKind, classify, outage_wait


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("250 2.0.0 Taken", ReplyKind.ACCEPTED),
        ("450 4.2.0 Greylisted", ReplyKind.TRANSIENT),
        ("452 4.2.2 Mailbox full", ReplyKind.TRANSIENT),
        ("550 5.1.1 No such user", ReplyKind.PERMANENT),
        ("552 Too many recipients", ReplyKind.TRANSIENT),
        ("552 5.3.4 Message too big", ReplyKind.PERMANENT),
        ("554 5.7.1 Spam", ReplyKind.PERMANENT),
        ("421 4.3.2 Closing", ReplyKind.SERVER_WIDE),
        ("530 5.7.0 Log in first", ReplyKind.SERVER_WIDE),
    ],
)
def test_what_a_reply_means(line: str, verdict: ReplyKind) -> None:
    code, _, text = line.partition(" ")
    assert classify(Reply(int(code), (text,))) is verdict


@pytest.mark.parametrize(("retries", "first"), [(COPIES, timedelta(minutes=1)), (LETTERS, timedelta(seconds=5))])
def test_waits_grow_and_then_end_within_two_days(retries, first: timedelta) -> None:
    waits = [retries.after(tries, 0.0) for tries in range(1, len(retries.waits) + 1)]
    assert waits[0] == first
    assert waits == sorted(waits)
    assert timedelta(hours=12) < sum(waits, timedelta()) < timedelta(hours=48)
    assert retries.after(len(waits) + 1, 0.0) is None


def test_chance_spreads_the_waits() -> None:
    assert COPIES.after(1, 1.0) == timedelta(seconds=72)


def test_a_server_that_stays_down_is_asked_once_a_minute() -> None:
    assert outage_wait(1, 0.0) == 0.5
    assert outage_wait(1000, 0.0) == 60.0


def test_a_person_who_waits_has_the_server_asked_sooner() -> None:
    assert [outage_wait(failures, 0.0, 30.0) for failures in (1, 6, 7, 1000)] == [0.5, 16.0, 30.0, 30.0]


def test_a_reply_that_is_none_is_no_yes() -> None:
    assert classify(Reply(-1, ("What?",))) is ReplyKind.TRANSIENT


def test_the_throttle_spaces_messages_evenly() -> None:
    moment = 0.0
    throttle = Spacing(10, lambda: moment)
    assert [round(throttle.reserve(), 3) for _ in range(4)] == [0.0, 0.1, 0.2, 0.3]
    moment = 60.0
    assert round(sum(throttle.reserve() > 0 for _ in range(100))) >= 98


def test_no_rate_is_no_limit() -> None:
    throttle = Spacing(0, lambda: 0.0)
    assert {throttle.reserve() for _ in range(100)} == {0.0}
