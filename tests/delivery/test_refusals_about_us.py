"""Refusals: which words are about us, where no code tells, and which are about one reader whatever it tells."""

from collections.abc import Callable

import pytest

from newsletter.delivery.smtp import refusals
from newsletter.delivery.smtp.replies import Reply


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (530, "Must issue a STARTTLS command first"),
        (550, "Sender verify failed"),
        (550, "Helo command rejected: need fully-qualified hostname"),
        (504, "5.5.2 <x>: Helo command rejected: need fully-qualified hostname"),
        (550, "Daily sending quota exceeded"),
        (550, "5.4.5 Daily user sending limit exceeded"),
        (550, "Unrouteable sender address"),
        (550, "Your message was blocked because it looks like bulk mail"),
        (550, "maximum message volume for this account exceeded"),
        (550, "Administrative prohibition"),
        (550, "You are not allowed to connect"),
    ],
)
def test_words_about_the_sender_are_about_us(code: int, text: str) -> None:
    assert refusals.is_our_fault(Reply(code, (text,)))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (550, "5.7.1 User email address is marked as invalid."),
        (550, "5.7.1 Unable to deliver: Address does not exist"),
        (554, "Addressee unknown"),
        (550, "Daily receiving quota exceeded"),
    ],
)
def test_words_about_one_mailbox_are_about_its_reader(code: int, text: str) -> None:
    assert not refusals.is_our_fault(Reply(code, (text,)))


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_words_count_in_whatever_letters_they_are_written(case: Callable[[str], str]) -> None:
    assert refusals.is_our_fault(Reply(550, (case("Helo command rejected"),)))
    assert refusals.is_our_fault(Reply(550, (case("Spam message rejected"),)))
    assert refusals.is_too_large(Reply(552, (case("Message too large"),)))
    assert not refusals.is_too_large(Reply(552, (case("Message too large for mailbox"),)))
    assert not refusals.is_our_fault(Reply(554, (case("No such user"),)))
