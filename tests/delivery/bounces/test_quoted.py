"""What a mail quotes is not what it says: words of the returned message, of another recipient, of another bounce."""

import pytest

from newsletter.delivery.bounces.parse import parse
from newsletter.delivery.bounces.report import Hardness, Kind, Reason
from tests.delivery.bounces.mails import FAILED, READER, mail, multipart, report

VAGUE = FAILED[: FAILED.index("Diagnostic-Code")].replace("5.1.1", "5.0.0")
QUOTED = "550 5.1.1 User unknown, no such user here. Host unknown: unrouteable address"
RETURNED = f"From: press@news.example.org\nTo: {READER}\nSubject: User unknown\n\n{QUOTED}\n"
BOUNCE = f"> <bob@example.com>: host mx.example.com said: {QUOTED} (in reply to RCPT TO command)\n"


def hardness_of(raw: bytes) -> Hardness | None:
    told = parse(raw)
    [one] = told.recipients
    assert (told.kind, one.address) == (Kind.BOUNCE, READER)
    return one.hardness


@pytest.mark.parametrize(
    "kind", ["message/rfc822", "text/rfc822-headers", "text/plain", "text/html", "application/pdf"]
)
@pytest.mark.parametrize("words", [f"<{READER}>: something went wrong", "It was not delivered."])
def test_words_of_the_returned_part_make_nothing_hard(kind: str, words: str) -> None:
    parts = [("text/plain", words), ("message/delivery-status", VAGUE), (kind, RETURNED)]
    assert hardness_of(multipart(parts, "report; report-type=delivery-status")) is Hardness.SOFT


@pytest.mark.parametrize(
    "mark",
    [
        "------ This is a copy of the message, including all the headers. ------\n\n",
        "--- Below this line is a copy of the message.\n\n",
        "Your message:\n\n",
        "Message body:\n\n",
        "\n",
        "=======================\n",
    ],
)
@pytest.mark.parametrize("returned", [RETURNED, "".join(f"> {line}\n" for line in RETURNED.splitlines())])
def test_words_of_the_returned_text_make_nothing_hard(mark: str, returned: str) -> None:
    assert hardness_of(mail(f"<{READER}>: something went wrong\n\n{mark}{returned}")) is Hardness.SOFT


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Undeliverable: 550 5.1.1 User unknown, and other classics", f"<{READER}>: something went wrong"),
        (
            "Failure notice",
            f"To: {READER}\nSubject: 550 5.1.1 User unknown\nSent: today\n\n{READER} on Monday:\n  Something odd.",
        ),
        (
            "Mail not delivered",
            f"The subject of the message is: 550 5.1.1 user unknown\n\n  {READER}\n    something went wrong",
        ),
        ("Mail not delivered", f"Betreff: 550 5.1.1 Empfänger unbekannt\n\n{READER}: etwas ging schief"),
    ],
)
def test_the_subject_of_the_returned_message_makes_nothing_hard(subject: str, text: str) -> None:
    assert hardness_of(mail(text, subject=subject)) is Hardness.SOFT


OTHER = "<bob@example.com>: host mx.example.com said: 550 5.1.1 User unknown (in reply to RCPT TO command)\n"
UNKNOWN = FAILED.replace("reader@example.com", "bob@example.com")


@pytest.mark.parametrize(
    "raw",
    [
        mail(f"Not delivered:\n\n{OTHER}\n<{READER}>: something went wrong"),
        mail(f"Not delivered:\n\n<{READER}>: something went wrong\n\n{OTHER}"),
        mail(f"Not delivered:\n\n<{READER}>\n\n{OTHER}"),
        mail(OTHER, X_Failed_Recipients=f"bob@example.com, {READER}"),
        report(f"{UNKNOWN}\n{VAGUE}", words=OTHER),
        report(f"{VAGUE}Diagnostic-Code: smtp; 550 no\n\n{UNKNOWN}", words=OTHER),
        report(f"{VAGUE.replace('failed', 'delayed')}\n{UNKNOWN}", words=OTHER),
    ],
)
def test_words_about_another_recipient_make_nothing_hard(raw: bytes) -> None:
    told = {one.address: one.hardness for one in parse(raw).recipients}
    assert told == {READER: Hardness.SOFT, "bob@example.com": Hardness.HARD}


def test_recipients_in_lines_of_their_own_share_the_words_below() -> None:
    told = parse(mail(f"Not delivered:\n\n  {READER}\n  bob@example.com\n\nmailbox full\n")).recipients
    assert [one.reason for one in told] == [Reason.MAILBOX_FULL] * 2


def test_a_summary_of_the_message_above_is_no_returned_message() -> None:
    text = f"It was not delivered.\n\nFrom: press@x.org\nTo: {READER}\nSubject: Hi\n\n{READER}: mailbox full"
    assert parse(mail(text)).recipients[0].reason is Reason.MAILBOX_FULL


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"subject": "Re: The week", "Return_Path": "<ada@example.com>"}, Kind.NOT_A_BOUNCE),
        ({"subject": "Re: The week", "Return_Path": ""}, Kind.NOT_A_BOUNCE),
        ({"subject": "Re: The week", "Return_Path": "<>"}, Kind.AUTO_REPLY),
        ({"subject": "The week", "Return_Path": "<>", "Auto_Submitted": "auto-replied"}, Kind.AUTO_REPLY),
        ({"subject": "Undelivered Mail?", "Return_Path": "<ada@example.com>"}, Kind.NOT_A_BOUNCE),
        ({"subject": "Undelivered Mail?", "Return_Path": "", "User_Agent": "Mozilla Thunderbird"}, Kind.NOT_A_BOUNCE),
        ({"subject": "Fwd: failure notice", "Return_Path": ""}, Kind.NOT_A_BOUNCE),
    ],
)
def test_who_asks_about_a_bounce_did_not_bounce(headers: dict[str, str], kind: Kind) -> None:
    raw = mail(f"My friend cannot get your letter:\n\n{BOUNCE}\nWhat is it?", From="Ada <ada@example.com>", **headers)
    assert parse(raw).kind is kind
