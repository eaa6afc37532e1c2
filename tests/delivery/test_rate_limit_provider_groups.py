"""A busy provider group: its copies come back at their reserved moments, and no other group waits."""

from datetime import timedelta

from readerships import addresses, by_group, gmail, limited_groups, others

from newsletter.addresses.provider_groups import ProviderGroups, Quota
from newsletter.delivery.models import CopyState
from newsletter.delivery.rate_limit.claim_limiter import LATE, ClaimLimiter
from newsletter.delivery.rate_limit.limits import Limits

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def test_a_busy_group_holds_up_no_other(running, take, clock, copies) -> None:
    letter = running([*gmail(50), *others(10)])
    pacer = ClaimLimiter(limited_groups(gmail=Quota(per_second=1)), "w")
    assert by_group(take(pacer, 20)) == {"gmail": 1} | {f"reader{number}.example": 1 for number in range(10)}
    rows = copies(letter)
    moments = sorted(row.not_before for row in rows.values() if row.state is CopyState.PENDING)
    assert moments == [clock() + SECOND * number for number in range(1, 50)]
    assert {row.attempts for row in rows.values()} == {0}


def test_a_copy_goes_out_at_the_moment_that_was_reserved_for_it_and_pays_once(running, take, clock) -> None:
    running(gmail(20))
    pacer = ClaimLimiter(limited_groups(gmail=Quota(per_second=1)), "w")
    sent = []
    for _ in range(20):
        sent.append(len(take(pacer).copies))
        clock.pass_by(seconds=1)
    assert sent == [1] * 20


def test_moments_that_went_by_unused_are_not_made_up_for(running, take, clock) -> None:
    running(gmail(100))
    limits = limited_groups(gmail=Quota(per_second=1))
    take(ClaimLimiter(limits, "w"))
    clock.pass_by(seconds=60)  # no worker ran
    assert len(take(ClaimLimiter(limits, "w")).copies) == LATE // SECOND + 1
    clock.pass_by(seconds=1)
    assert len(take(ClaimLimiter(limits, "w")).copies) == 1


def test_a_group_is_reserved_an_hour_ahead_and_no_further(running, take, clock, copies) -> None:
    letter = running(gmail(5_000))
    pacer = ClaimLimiter(limited_groups(gmail=Quota(per_second=1)), "w")
    while take(pacer, 500).more:
        pass
    rows = [row for row in copies(letter).values() if row.state is CopyState.PENDING]
    assert max(row.not_before for row in rows) == clock() + HOUR
    assert sum(row.reservation is None for row in rows) == 5_000 - 3_601
    clock.pass_by(hours=1)
    assert len(take(pacer, 500).copies) == LATE // SECOND + 1
    clock.pass_by(seconds=1)
    assert len(take(pacer, 500).copies) == 1


def test_each_other_domain_has_a_pace_of_its_own(running, take, clock) -> None:
    running([*others(5), *others(5), *gmail(2)])
    pacer = ClaimLimiter(Limits(groups=ProviderGroups({"*": Quota(per_second=1), "gmail": Quota(per_second=100)})), "w")
    one_each = {"gmail": 1} | {f"reader{number}.example": 1 for number in range(5)}
    assert by_group(take(pacer)) == one_each
    clock.pass_by(seconds=1)
    assert by_group(take(pacer)) == one_each


def test_a_full_group_takes_nothing_from_the_servers_allowance(running, take) -> None:
    running([*gmail(50), *others(10)])
    pacer = ClaimLimiter(Limits(Quota(per_day=11), groups=ProviderGroups({"gmail": Quota(per_second=1)})), "w")
    assert len(take(pacer).copies) == 11
    assert take(pacer).copies == []


def test_a_claim_gives_others_their_turn_and_says_that_there_is_more(running, take) -> None:
    running([*gmail(62), *others(1)])
    pacer = ClaimLimiter(limited_groups(gmail=Quota(per_hour=1)), "w")
    batch = take(pacer, 2)
    assert (by_group(batch), batch.more) == ({"gmail": 1}, True)
    batch = take(pacer, 2)
    assert (batch.copies, batch.more) == ([], True)
    assert addresses(take(pacer, 2)) == others(1)
    assert take(pacer, 2).more is False
