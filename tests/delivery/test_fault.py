"""Whose fault a refusal is: words about us, where no code tells, and words about one reader, whatever it tells."""

from collections.abc import Callable

import pytest

from newsletter.delivery.bounces import fault
from newsletter.delivery.smtp import refusals
from newsletter.delivery.smtp.replies import Reply


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (530, "Must issue a STARTTLS command first"),
        (550, "Sender verify failed"),
        (550, "Helo command rejected: need fully-qualified hostname"),
        (555, "5.5.4 Unsupported option: RET=HDRS"),
        (550, "5.5.0 Requested action not taken"),
        (504, "5.5.2 <x>: Helo command rejected: need fully-qualified hostname"),
        (550, "Daily sending quota exceeded"),
        (550, "5.4.5 Daily user sending limit exceeded"),
        (550, "Unrouteable sender address"),
        (550, "Your message was blocked because it looks like bulk mail"),
        (550, "maximum message volume for this account exceeded"),
        (550, "Administrative prohibition"),
        (550, "You are not allowed to connect"),
        (550, "Access denied"),
        (550, "Envelope blocked - User Entry - https://community.example/docs/DOC-1369#550"),
        (550, "Local CT IP Reputation Policy"),
        (554, "5.2.1 : (RLY:B1) https://postmaster.aol.example/error-codes"),
        (550, "5.2.1 Mailbox unavailable. Your IP address 192.0.2.1 is blacklisted using a DNSBL"),
        (550, "5.7.9 Message not accepted: 192.0.2.1 is in a DNSBL"),
        (553, "5.3.0 x DNSBL:RBL 521< 192.0.2.1 >_is_blocked"),
        (550, "192.0.2.1 found on one or more DNSBLs, see https://postmaster.example/codes#BL000010"),
        (550, "Blocked - see https://ipcheck.example/?ip=192.0.2.1"),
        (550, "permanent failure for one or more recipients (reader@example.com:blocked)"),
        (550, "mailbox unavailable Reject due to policy restrictions. See https://postmaster.web.de/en/case"),
        (550, "mailbox unavailable Invalid DNS MX or A/AAAA resource record. See https://postmaster.gmx.net/en/case"),
        (550, "IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help) (BL)"),
        (550, "Service refused, veuillez essayer plus tard. OFR006_104"),
        (550, "Too many invalid recipients"),
        (550, "cannot find your hostname, [192.0.2.1]"),
        (550, "Client host rejected: Access denied"),
        (550, "Mail from dynamic IP addresses is not accepted"),
        (550, "Go away"),
        (550, "Unable to verify sender: user unknown"),
        (550, "Sender domain does not exist"),
        (550, "Blocked by content filter"),
        (550, "Message contains bare LF"),
        (550, "TLS required"),
        (550, "Wiadomość odrzucona jako spam"),
        (421, "4.7.1 Service unavailable; client [192.0.2.1] blocked using zen.dnsbl.example"),
        (451, "Your IP is on a DNSBL, see https://lookup.example/?ip=192.0.2.1"),
        # Of whom is not said, so it is held against no reader.
        (550, "Rejected"),
        (550, "5.0.0 rejected."),
        (521, "Denied"),
        (550, "Connection refused"),
        (550, "not accepted"),
    ],
)
def test_words_about_the_sender_are_about_us(code: int, text: str) -> None:
    assert fault.is_our_fault(Reply(code, (text,)))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (550, "5.7.1 User email address is marked as invalid."),
        (550, "5.5.0 Requested action not taken: mailbox unavailable"),
        (501, "5.5.4 Invalid Address"),
        (550, "5.7.1 Unable to deliver: Address does not exist"),
        (554, "Addressee unknown"),
        (550, "Daily receiving quota exceeded"),
        (550, "Recipient address rejected: Access denied"),
        (550, "<junk@example.com>: Recipient address rejected: User unknown in virtual mailbox table"),
        (550, "user not found in spam gateway directory"),
        (550, "5.7.1 Recipient not authorized"),
        (550, "5.2.1 The user you are trying to contact is receiving mail at a rate that prevents delivery"),
        (553, "sorry, this recipient is in my badrecipientto list (#5.7.1)"),
        (554, "delivery error: dd Sorry, your message cannot be delivered. This account has been disabled [#102]"),
        (554, "30 Sorry, your message cannot be delivered. This mailbox is disabled (554.30)."),
        (550, "Adresse d au moins un destinataire invalide. Invalid recipient. OFR0_416"),
        (550, "message rejected due to user rules"),
        (550, "you have been blocked by the recipient"),
        (550, "5.7.124 Sender not in the list of allowed senders"),
        (552, "Requested mail action aborted: exceeded storage allocation"),
        (550, "Unrouteable address"),
        (550, "Empfänger unbekannt"),
        (550, "Utente sconosciuto"),
        (550, "Konto nie istnieje"),
        (550, "5.1.1 Rejected"),
        (550, "<reader@example.com> rejected"),
        (550, "Rejected by recipient"),
        (451, "4.7.1 Greylisted: not on our allow list yet"),
        (421, "4.3.2 Closing"),
    ],
)
def test_words_about_one_mailbox_are_about_its_reader(code: int, text: str) -> None:
    assert not fault.is_our_fault(Reply(code, (text,)))


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_words_count_in_whatever_letters_they_are_written(case: Callable[[str], str]) -> None:
    assert fault.is_our_fault(Reply(550, (case("Helo command rejected"),)))
    assert fault.is_our_fault(Reply(550, (case("Spam message rejected"),)))
    assert refusals.is_too_large(Reply(552, (case("Message too large"),)))
    assert not refusals.is_too_large(Reply(552, (case("Message too large for mailbox"),)))
    assert not fault.is_our_fault(Reply(554, (case("No such user"),)))
