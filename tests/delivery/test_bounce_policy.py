"""The policy on bounces, as a table: one pure function, and nothing else decides."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.bounces import policy
from newsletter.delivery.bounces.policy import Decision, Facts, Verdict
from newsletter.delivery.bounces.report import ABOUT_US, Hardness, Kind, Reason
from newsletter.delivery.models import Cause

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)
HARD, SOFT = Hardness.HARD, Hardness.SOFT


@dataclass(frozen=True)
class Heard:
    kind: Kind = Kind.BOUNCE
    reason: Reason = Reason.UNDEFINED
    hardness: Hardness | None = None
    status: str = ""
    diagnostic: str = ""
    issue: int | None = 1
    at: datetime = NOW
    host_is_gone: bool | None = None
    key: str = "ada@reader.example"
    is_forgiven: bool = False

    @property
    def copy_id(self) -> int | None:
        return self.issue

    @property
    def letter_id(self) -> int | None:
        return self.issue


def bounce(reason: Reason, hardness: Hardness = SOFT, **more: object) -> Heard:
    return Heard(reason=reason, hardness=hardness, **more)


def full(issue: int, at: datetime) -> Heard:
    return bounce(Reason.MAILBOX_FULL, issue=issue, at=at)


def weekly(count: int) -> list[Heard]:
    """A full mailbox, week after week; the last one now."""
    return [full(number, NOW - WEEK * (count - number)) for number in range(1, count + 1)]


def decided(event: Heard, *earlier: Heard, now: datetime = NOW, **facts: object) -> Verdict:
    return policy.decide(event, Facts(history=(*earlier, event), **facts), now)


SUPPRESSED = Verdict(Decision.SUPPRESSED, Cause.BOUNCE)


@pytest.mark.parametrize(
    ("event", "decision"),
    [
        (bounce(Reason.USER_UNKNOWN, HARD), Decision.SUPPRESSED),
        (bounce(Reason.HAS_MOVED, HARD), Decision.SUPPRESSED),
        (bounce(Reason.NOT_ACCEPT, HARD), Decision.SUPPRESSED),
        (bounce(Reason.SUSPENDED, HARD), Decision.SUPPRESSED),
        (bounce(Reason.NOT_ACCEPT, SOFT), Decision.COUNTED),
        (bounce(Reason.USER_UNKNOWN, SOFT), Decision.COUNTED),
        (bounce(Reason.MAILBOX_FULL), Decision.COUNTED),
        (bounce(Reason.EXPIRED), Decision.COUNTED),
        (bounce(Reason.FILTERED), Decision.COUNTED),
        (bounce(Reason.HOST_UNKNOWN, HARD), Decision.COUNTED),
        (bounce(Reason.HOST_UNKNOWN, HARD, host_is_gone=False), Decision.COUNTED),
        (bounce(Reason.HOST_UNKNOWN, HARD, host_is_gone=True), Decision.SUPPRESSED),
        (Heard(Kind.COMPLAINT, Reason.FEEDBACK), Decision.SUPPRESSED),
        (Heard(Kind.UNSUBSCRIBE), Decision.UNSUBSCRIBED),
        (Heard(Kind.AUTO_REPLY, Reason.VACATION), Decision.IGNORED),
        (Heard(Kind.CHALLENGE), Decision.IGNORED),
        (Heard(Kind.NOT_A_BOUNCE), Decision.IGNORED),
        (Heard(Kind.DELAY, Reason.NETWORK, SOFT), Decision.IGNORED),
        (Heard(Kind.DELIVERED, Reason.DELIVERED), Decision.DELIVERED),
        (bounce(Reason.USER_UNKNOWN, HARD, key=""), Decision.UNMATCHED),
        (Heard(Kind.COMPLAINT, Reason.FEEDBACK, key=""), Decision.UNMATCHED),
        (bounce(Reason.RATE_LIMITED, status="4.7.28"), Decision.SLOWED),
        (Heard(Kind.DELAY, Reason.RATE_LIMITED, SOFT), Decision.SLOWED),
        (bounce(Reason.AUTHENTICATION, HARD), Decision.STOPPED),
        (bounce(Reason.POLICY, status="5.7.26"), Decision.STOPPED),
        (bounce(Reason.UNDEFINED, diagnostic="550 5.7.515 Access denied, sending domain"), Decision.STOPPED),
        (bounce(Reason.POLICY, diagnostic="Blocked; the reason is 5.7.26."), Decision.STOPPED),
        (
            bounce(Reason.MAILBOX_FULL, diagnostic="452 4.2.2 over quota, said 192.5.7.26 and 5.7.26.1"),
            Decision.COUNTED,
        ),
        (bounce(Reason.USER_UNKNOWN, HARD, diagnostic="553 5.7.2 [TSS09] All messages deferred"), Decision.STOPPED),
        (bounce(Reason.BLOCKED), Decision.ALARMED),
        (bounce(Reason.BAD_REPUTATION), Decision.ALARMED),
        (bounce(Reason.REQUIRE_PTR), Decision.ALARMED),
        (bounce(Reason.VIRUS), Decision.ALARMED),
        (bounce(Reason.SYNTAX), Decision.ALARMED),
        (bounce(Reason.SPAM, HARD), Decision.AGAINST_US),
        (bounce(Reason.CONTENT), Decision.AGAINST_US),
        (
            bounce(Reason.POLICY, diagnostic="554 5.7.1 [CS01] Message rejected"),
            Decision.AGAINST_US,
        ),
    ],
)
def test_what_one_event_means(event: Heard, decision: Decision) -> None:
    assert decided(event).decision is decision


def test_a_complaint_suppresses_for_a_cause_of_its_own() -> None:
    assert decided(Heard(Kind.COMPLAINT, Reason.FEEDBACK)) == Verdict(Decision.SUPPRESSED, Cause.COMPLAINT)


@pytest.mark.parametrize(("weeks", "verdict"), [(4, Verdict(Decision.COUNTED)), (5, SUPPRESSED), (6, SUPPRESSED)])
def test_a_mailbox_that_is_full_for_five_issues_gets_no_more(weeks: int, verdict: Verdict) -> None:
    *earlier, last = weekly(weeks)
    assert decided(last, *earlier) == verdict


def test_five_bounces_of_one_issue_are_one() -> None:
    assert decided(full(1, NOW), *(full(1, NOW - DAY * ago) for ago in range(1, 5))).decision is Decision.COUNTED


def test_five_issues_that_take_more_than_sixty_days_do_not_count() -> None:
    monthly = [full(number, NOW - timedelta(days=16) * number) for number in range(4, 0, -1)]
    assert decided(full(9, NOW), *monthly).decision is Decision.COUNTED
    assert decided(full(9, NOW - 4 * DAY), *monthly) == SUPPRESSED


@pytest.mark.parametrize(
    "delivery",
    [
        {"told": Heard(Kind.DELIVERED, Reason.DELIVERED, issue=8, at=NOW - 10 * DAY)},
        {"sent": {8: NOW - 10 * DAY}},
    ],
)
def test_a_delivery_between_begins_the_count_anew(delivery: dict) -> None:
    *earlier, last = weekly(5)
    told = [delivery["told"]] if "told" in delivery else []
    assert decided(last, *earlier, *told, sent=delivery.get("sent", {})).decision is Decision.COUNTED


@pytest.mark.parametrize(("ago", "decision"), [(4, Decision.SUPPRESSED), (5, Decision.COUNTED)])
def test_silence_about_a_sent_copy_is_a_delivery_after_five_days(ago: int, decision: Decision) -> None:
    daily = [full(number, NOW - DAY * (9 - number)) for number in range(1, 6)]
    sent = {one.issue: one.at for one in daily} | {6: daily[2].at + DAY / 2}
    now = sent[6] + DAY * ago
    heard = [one for one in daily if one.at <= now]
    assert len(heard) == 5
    assert policy.decide(heard[-1], Facts(heard, sent), now).decision is decision


def test_a_bounce_is_as_old_as_its_copy_however_late_the_report() -> None:
    # The copy of issue 5 was sent before the delivery of issue 6, and only the report came after it.
    heard = [*weekly(5)[:4], full(5, NOW)]
    sent = {one.issue: one.at for one in heard} | {5: NOW - 6 * DAY, 6: NOW - 5 * DAY}
    assert policy.decide(heard[-1], Facts(heard, sent), NOW) == SUPPRESSED


def test_an_out_of_office_that_a_provider_calls_a_bounce_is_none_where_the_copy_was_delivered() -> None:
    heard = weekly(5)
    heard += [replace(heard[4], kind=Kind.DELIVERED, reason=Reason.DELIVERED, hardness=None)]
    assert not policy.is_dead(heard, {}, NOW)


def test_a_hard_bounce_counts_even_after_a_delivery() -> None:
    delivered = Heard(Kind.DELIVERED, Reason.DELIVERED)
    assert decided(bounce(Reason.USER_UNKNOWN, HARD), delivered) == SUPPRESSED


def test_a_host_that_is_unknown_at_the_second_issue_is_gone() -> None:
    first = bounce(Reason.HOST_UNKNOWN, HARD, at=NOW - WEEK)
    assert decided(bounce(Reason.HOST_UNKNOWN, HARD, issue=2), first) == SUPPRESSED
    assert decided(bounce(Reason.HOST_UNKNOWN, HARD, issue=1), first).decision is Decision.COUNTED
    arrived = Heard(Kind.DELIVERED, Reason.DELIVERED, issue=3, at=NOW - 2 * DAY)
    assert decided(bounce(Reason.HOST_UNKNOWN, HARD, issue=2), first, arrived).decision is Decision.COUNTED


@pytest.mark.parametrize(
    ("unknown", "copies", "is_failing"),
    [(19, 20, False), (20, 100, True), (20, 667, False), (30, 1000, False), (31, 1000, True), (9_001, 300_000, True)],
)
def test_when_a_provider_is_wrong_rather_than_its_readers(unknown: int, copies: int, is_failing: bool) -> None:
    assert policy.is_failing(unknown, copies) is is_failing


def test_what_a_failing_provider_calls_unknown_waits_for_an_editor() -> None:
    for reason in (Reason.USER_UNKNOWN, Reason.NOT_ACCEPT):
        assert decided(bounce(reason, HARD), provider_is_failing=True) == Verdict(Decision.HELD)
    gone = bounce(Reason.HOST_UNKNOWN, HARD, host_is_gone=True)
    assert decided(gone, provider_is_failing=True) == Verdict(Decision.HELD)
    assert decided(bounce(Reason.HAS_MOVED, HARD), provider_is_failing=True) == SUPPRESSED
    complaint = Heard(Kind.COMPLAINT, Reason.FEEDBACK)
    assert decided(complaint, provider_is_failing=True).cause is Cause.COMPLAINT


def test_five_answers_about_us_within_the_hour_stop_the_group() -> None:
    spam = bounce(Reason.SPAM)
    assert decided(spam, against_us=4).decision is Decision.AGAINST_US
    assert decided(spam, against_us=5).decision is Decision.STOPPED


def test_a_long_time_reader_is_probed_first_and_the_probe_decides() -> None:
    unknown = bounce(Reason.USER_UNKNOWN, HARD)
    since = NOW - timedelta(days=400)
    assert decided(unknown, reader_since=since) == Verdict(Decision.PROBED)
    assert decided(unknown, reader_since=NOW - 300 * DAY) == SUPPRESSED
    assert decided(unknown, reader_since=since, is_probing=True).decision is Decision.COUNTED
    of_the_probe = bounce(Reason.MAILBOX_FULL, issue=None)
    assert decided(of_the_probe, unknown, reader_since=since, is_probing=True, is_probe=True) == SUPPRESSED
    assert decided(bounce(Reason.SPAM, issue=None), is_probe=True).decision is Decision.AGAINST_US


EVENTS = st.builds(
    Heard,
    kind=st.sampled_from([Kind.BOUNCE, Kind.BOUNCE, Kind.BOUNCE, Kind.DELAY, Kind.AUTO_REPLY]),
    reason=st.sampled_from(sorted(ABOUT_US)),
    hardness=st.sampled_from([HARD, SOFT]),
    issue=st.integers(1, 9),
    at=st.integers(0, 59).map(lambda ago: NOW - DAY * ago),
)


@given(st.lists(EVENTS, min_size=1, max_size=30), st.integers(0, 20))
def test_what_is_about_us_never_suppresses_a_reader(heard: list[Heard], against_us: int) -> None:
    for event in heard:
        verdict = policy.decide(event, Facts(heard, against_us=against_us), NOW)
        assert verdict.cause is None
        assert verdict.decision is not Decision.COUNTED


def test_the_order_of_events_is_no_matter() -> None:
    heard = [*weekly(4)[1:], bounce(Reason.SPAM, issue=7), Heard(Kind.DELIVERED, Reason.DELIVERED, issue=8)]
    assert len({policy.is_dead(order, {}, NOW) for order in permutations(heard)}) == 1
