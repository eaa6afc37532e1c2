"""Where a copy goes after a try, case by case: by the server's reply and what happened to the copy before."""

from datetime import UTC, datetime
from typing import Any

import pytest

from newsletter.delivery.breaker import STRIKES
from newsletter.delivery.bulk.decisions import (
    Answered,
    Blame,
    Event,
    Histories,
    History,
    NoReply,
    SenderRejected,
    decide,
)
from newsletter.delivery.ledger import ClaimedCopy
from newsletter.delivery.ledger.outcomes import Outcome
from newsletter.delivery.models import CopyState
from newsletter.delivery.smtp.replies import Reply

COPY = ClaimedCopy(1, 1, 1, "ada@example.org", "Ada", 0)
NEXT = datetime(2026, 3, 2, 10, tzinfo=UTC)
SENT, REFUSED, FAILED, IN_DOUBT, PENDING = (
    CopyState.SENT,
    CopyState.REFUSED,
    CopyState.FAILED,
    CopyState.IN_DOUBT,
    CopyState.PENDING,
)


def said(code: int, text: str, *, after_data: bool = False) -> Answered:
    return Answered(Reply(code, (text,)), after_data)


def silent(blame: Blame, *, begun: bool = False) -> NoReply:
    return NoReply("the server hung up", begun, blame)


def outcome(event: Event, policy: Any = "resend", **history: Any) -> Outcome:
    return decide(event, History(**{"copy": COPY, "next_try": NEXT} | history), policy)


OK = said(250, "2.0.0 queued", after_data=True)
NO_SUCH_USER = said(550, "5.1.1 no such user")
GREYLISTED = said(450, "4.2.0 greylisted, come back")
FULL = said(452, "4.2.2 mailbox full")
SPAM = said(550, "5.7.1 looks like spam", after_data=True)
TOO_FAST = said(450, "4.7.28 unusual rate of mail")
NOT_YOU = SenderRejected(Reply(550, ("5.7.1 sender blocked",)))
LOST, UNREACHED, FAULT = (silent(blame) for blame in (Blame.PERHAPS_COPY, Blame.NOBODY, Blame.OUR_FAULT))
CUT = silent(Blame.PERHAPS_COPY, begun=True)


@pytest.mark.parametrize(
    ("event", "history", "state", "is_charged"),
    [
        (OK, {}, SENT, True),
        (NO_SUCH_USER, {}, REFUSED, True),
        (SPAM, {}, REFUSED, True),
        (GREYLISTED, {}, PENDING, True),
        (FULL, {}, PENDING, True),
        (GREYLISTED, {"next_try": None}, FAILED, True),
        (TOO_FAST, {}, PENDING, False),
        (TOO_FAST, {"was_rate_limited": True}, PENDING, True),
        (TOO_FAST, {"was_rate_limited": True, "next_try": None}, FAILED, True),
        (NOT_YOU, {"sender_rejections": 1}, PENDING, False),
        (NOT_YOU, {"sender_rejections": STRIKES}, PENDING, False),
        (NOT_YOU, {"sender_rejections": STRIKES + 1}, PENDING, True),
        (NOT_YOU, {"sender_rejections": STRIKES + 1, "next_try": None}, FAILED, True),
        (UNREACHED, {}, PENDING, False),
        (UNREACHED, {"lost_connections": 9}, PENDING, False),
        (LOST, {"lost_connections": 1}, PENDING, False),
        (LOST, {"lost_connections": 2}, PENDING, True),
        (LOST, {"lost_connections": 2, "next_try": None}, FAILED, True),
        (FAULT, {}, PENDING, True),
        (FAULT, {"next_try": None}, FAILED, True),
        (CUT, {"lost_connections": 1}, PENDING, True),
        (CUT, {"lost_connections": 2}, IN_DOUBT, True),
        (CUT, {"lost_connections": 1, "next_try": None}, IN_DOUBT, True),
    ],
)
def test_a_try_decides_where_the_copy_goes_and_whether_the_try_counts(
    event: Event, history: dict[str, Any], state: CopyState, is_charged: bool
) -> None:
    found = outcome(event, **history)
    assert found.state is state
    assert (not found.goes_back or found.not_before == NEXT) is is_charged


@pytest.mark.parametrize(
    ("event", "history", "about_us"),
    [
        (NO_SUCH_USER, {}, False),
        (SPAM, {}, True),
        (GREYLISTED, {}, False),
        (NOT_YOU, {"sender_rejections": 1}, True),
        (NOT_YOU, {"sender_rejections": STRIKES + 1}, True),
        (LOST, {"lost_connections": 2}, False),
    ],
)
def test_only_what_a_server_says_about_us_counts_for_the_breaker(
    event: Event, history: dict[str, Any], about_us: bool
) -> None:
    assert outcome(event, **history).about_us is about_us


def test_where_doubts_are_held_no_copy_in_doubt_is_sent_again() -> None:
    assert outcome(CUT, "hold", lost_connections=1).state is IN_DOUBT
    assert outcome(CUT, "resend", lost_connections=1).was_begun


def test_only_what_may_be_the_copys_doing_is_counted_against_it() -> None:
    histories = Histories()
    for event in (UNREACHED, FAULT, LOST, CUT, NOT_YOU, GREYLISTED):
        histories.count(COPY, event)
    histories.mark_rate_limited(COPY)
    assert histories.history(COPY, NEXT) == History(COPY, NEXT, 2, 1, was_rate_limited=True)
    histories.drop(COPY)
    assert histories.history(COPY, NEXT) == History(COPY, NEXT)
