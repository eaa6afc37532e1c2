"""Which answers ask for less, and which are about one reader or an outage."""

import pytest

from newsletter.delivery.smtp.replies import Reply
from newsletter.delivery.smtp.retry import is_rate_limited, limits_one_group


def answer(line: str) -> Reply:
    code, _, text = line.partition(" ")
    return Reply(int(code), (text,))


ABOUT_THE_RATE = [
    "421 4.7.28 [192.0.2.1] Gmail has detected an unusual rate of unsolicited mail originating from your IP",
    "421 4.7.0 [192.0.2.1] Our system has detected an unusual rate of unsolicited mail",
    "421 4.7.26 Your email has been rate limited because it is unauthenticated",
    "421 4.4.5 Server busy, try again later",
    "450 4.7.1 Error: too much mail from 192.0.2.1",
    "421 4.7.0 Too many connections from your host",
    "421 too many concurrent SMTP connections; please try again later",
    "450 4.7.1 Requested action not taken: rate limit exceeded",
    "452 4.3.2 Connection rate limit exceeded",
    "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints",
    "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation",
    "451 4.7.500 Server busy. Please try again later from [192.0.2.1]",
    "454 Throttling failure: Maximum sending rate exceeded.",
    "454 4.7.0 Throttling failure: Daily message quota exceeded.",
    "450 4.7.0 You are sending too fast, slow down",
    "421 4.7.1 Rate-limited by iCloud",
    "451 4.7.1 Message rate exceeded for this sender",
]

NOT_ABOUT_THE_RATE = [
    "250 2.0.0 Taken, at a rate limit of its own",
    "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages",
    "452 4.2.2 The email account that you tried to reach is over quota",
    "450 4.2.0 Greylisted, try again in 300 seconds",
    "451 4.7.1 Greylisting in action, please come back later",
    "452 4.5.3 Too many recipients",
    "452 4.3.1 Insufficient system storage",
    "451 4.3.0 Later",
    "421 4.3.2 Closing",
    "421 4.7.0 Too many errors",
    "454 4.7.0 Temporary authentication failure",
    "451 4.4.6 Too many hops",
    "450 4.1.8 Sender address rejected: domain not found",
    "550 5.7.1 Rate limit exceeded for good",
    "451 4.7.1 Please separate your messages accurately",
]


@pytest.mark.parametrize("line", ABOUT_THE_RATE)
def test_a_server_that_asks_for_less_is_understood(line: str) -> None:
    assert is_rate_limited(answer(line))


@pytest.mark.parametrize("line", NOT_ABOUT_THE_RATE)
def test_what_is_about_a_reader_or_an_outage_slows_nobody(line: str) -> None:
    assert not is_rate_limited(answer(line))


def test_a_closing_server_and_a_used_up_account_are_about_all_provider_groups() -> None:
    assert [limits_one_group(answer(line)) for line in ("421 4.7.28 x", "454 Throttling failure", "451 4.7.650 x")] == [
        False,
        False,
        True,
    ]
