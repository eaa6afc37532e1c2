"""Incoming mail is known for what it is, and whom it is about."""

import io

import pytest

from newsletter.delivery.bounces.parse import parse
from newsletter.delivery.bounces.parse.dsn import MOST_RECIPIENTS
from newsletter.delivery.bounces.report import Hardness, Kind, Reason
from tests.delivery.bounces.mails import FAILED, MESSAGE_ID, READER, RETURN_PATH, RETURNED, mail, multipart, report


def test_a_report_for_programs_is_read_to_the_letter() -> None:
    told = parse(report(FAILED))
    assert (told.kind, told.return_path, told.message_id) == (Kind.BOUNCE, RETURN_PATH, MESSAGE_ID)
    [one] = told.recipients
    assert (one.address, one.hardness, one.reason) == (READER, Hardness.HARD, Reason.USER_UNKNOWN)
    assert (one.status, one.code, one.action, one.mta) == ("5.1.1", "550", "failed", "mx.example.com")
    assert one.diagnostic == f"550 5.1.1 <{READER}>: Recipient address rejected: User unknown"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_may_end_in_any_way(end: bytes) -> None:
    assert parse(report(FAILED).replace(b"\n", end)) == parse(report(FAILED))


def test_a_file_is_read_as_well() -> None:
    assert parse(io.BytesIO(report(FAILED))) == parse(report(FAILED))


def test_a_bounce_may_name_several_recipients() -> None:
    second = FAILED.split("\n\n")[1].replace(READER, "other@example.com").replace("5.1.1", "5.2.2")
    found = parse(report(FAILED + "\n" + second.replace("User unknown", "Mailbox full"))).recipients
    assert [(one.address, one.reason) for one in found] == [
        (READER, Reason.USER_UNKNOWN),
        ("other@example.com", Reason.MAILBOX_FULL),
    ]


@pytest.mark.parametrize(
    ("action", "kind"),
    [("delayed", Kind.DELAY), ("delivered", Kind.DELIVERED), ("relayed", Kind.DELIVERED), ("failed", Kind.BOUNCE)],
)
def test_the_action_says_which_kind_it_is(action: str, kind: Kind) -> None:
    told = parse(report(FAILED.replace("failed", action)))
    assert told.kind is kind
    assert (told.recipients[0].hardness is None) == (kind is Kind.DELIVERED)


def test_addresses_in_utf_8_are_read() -> None:
    status = FAILED.replace(f"rfc822; {READER}", r"utf-8; j\x{F6}rg@example.com")
    told = parse(report(status, kind="global-delivery-status"))
    assert told.recipients[0].address == "jörg@example.com"


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("a+42@example.com", "a+42@example.com"),
        ("a+2026@example.com", "a+2026@example.com"),
        ("a+2Bb@e.com", "a+b@e.com"),
    ],
)
def test_what_stands_behind_a_plus_is_the_readers_own(told: str, address: str) -> None:
    assert parse(report(FAILED.replace(READER, told))).recipients[0].address == address


def test_a_report_without_an_address_is_about_the_addressee_of_what_it_returns() -> None:
    assert parse(report("Action: failed\nStatus: 5.1.1\n")).recipients[0].address == READER


POSTFIX = (
    "This is the mail system at host mx.example.net.",
    "",
    f"<{READER}>: host mx.example.com[192.0.2.1] said: 550 5.1.1 <{READER}>:",
    "    Recipient address rejected: User unknown (in reply to RCPT TO command)",
    "",
)
EXIM = (
    "This message was created automatically by mail delivery software.",
    "",
    f"  {READER}",
    "    SMTP error from remote mail server after RCPT TO:<reader@example.com>:",
    "    host mx.example.com [192.0.2.1]: 550 no such user here",
    "",
    "------ This is a copy of the message, including all the headers. ------",
    "",
    RETURNED,
)
QMAIL = (
    "Hi. This is the qmail-send program at example.net.",
    "I'm afraid I wasn't able to deliver your message to the following addresses.",
    "This is a permanent error; I've given up. Sorry it didn't work out.",
    "",
    f"<{READER}>:",
    "Sorry, no mailbox here by that name. (#5.1.1)",
    "",
    "--- Below this line is a copy of the message.",
    "",
    RETURNED,
)


def test_that_qmail_gives_up_is_not_why() -> None:
    said = f"<{READER}>:\nRemote host said: 550 5.7.1 rejected due to our policy\nGiving up on 192.0.2.1."
    assert parse(mail(*QMAIL[:4], said, subject="failure notice")).recipients[0].reason is not Reason.EXPIRED


def test_the_command_is_known_in_the_words_of_gmx() -> None:
    said = (
        f"{READER}:\nSMTP error from remote server for RCPT TO command, host: mx.example.com reason: 550 user unknown"
    )
    assert parse(mail(said)).recipients[0].hardness is Hardness.HARD


def test_a_transcript_tells_of_each_recipient_what_stands_above_its_end() -> None:
    said = f"""   ----- The following addresses had permanent fatal errors -----
<{READER}>
<full@example.com>
<listed@example.net>

   ----- Transcript of session follows -----
... while talking to mx.example.com.:
>>> RCPT To:<{READER}>
<<< 550 <{READER}>... User unknown
550 <{READER}>... User unknown
>>> RCPT To:<full@example.com>
<<< 552 mailbox is full
552 <full@example.com>... mailbox is full
... while talking to mx.example.net.:
>>> MAIL From:<press@news.example.org>
<<< 554 your host is on a blacklist
554 <listed@example.net>... Service unavailable
"""
    told = parse(mail(said, subject="Returned mail: User unknown"))
    assert [(one.address, one.reason) for one in told.recipients] == [
        (READER, Reason.USER_UNKNOWN),
        ("full@example.com", Reason.MAILBOX_FULL),
        ("listed@example.net", Reason.BLOCKED),
    ]


def test_what_is_said_of_each_recipient_may_stand_above_it() -> None:
    said = f"""------- Failure Reasons  --------

User not listed in public Name & Address Book
{READER}

Maximum hop count exceeded.  Message probably in a routing loop.
looping@example.com

"""
    told = parse(mail(said, subject="DELIVERY FAILURE: User not listed in public Name & Address Book"))
    assert [(one.address, one.reason) for one in told.recipients] == [
        (READER, Reason.USER_UNKNOWN),
        ("looping@example.com", Reason.NETWORK),
    ]


def test_a_recipient_may_be_named_again_with_what_the_server_said() -> None:
    said = f"""Delivery has failed to these recipients or distribution lists:

{READER}
The address you entered couldn't be found.

full@example.com
The message couldn't be delivered.

Diagnostic information for administrators:

{READER}
#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##

full@example.com
#550 5.2.2 STOREDRV.Deliver; quota ##
"""
    told = parse(mail(said, subject="Undeliverable: The week"))
    assert [(one.address, one.reason) for one in told.recipients] == [
        (READER, Reason.USER_UNKNOWN),
        ("full@example.com", Reason.MAILBOX_FULL),
    ]


def test_a_returned_header_may_lack_the_blanks() -> None:
    said = f"{READER} Invalid Address, ERROR_CODE :550, no such user", f"\nReceived:from a.example.org\nTo:<{READER}>"
    told = parse(mail(*said))
    assert [one.diagnostic for one in told.recipients] == [said[0]]


@pytest.mark.parametrize("body", [POSTFIX, EXIM, QMAIL], ids=["Postfix", "Exim", "qmail"])
def test_what_is_written_for_people_is_read_where_there_is_nothing_else(body: tuple[str, ...]) -> None:
    told = parse(mail(*body))
    assert told.kind is Kind.BOUNCE
    assert [(one.address, one.reason) for one in told.recipients] == [(READER, Reason.USER_UNKNOWN)]
    assert told.return_path == RETURN_PATH


def test_a_header_whose_folded_lines_lost_their_indent_is_read() -> None:
    raw = report(FAILED).replace(b"delivery-status; boundary", b"delivery-status;\nboundary", 1)
    assert b"\nboundary=" in raw
    assert parse(raw) == parse(report(FAILED))


def test_a_report_whose_parts_are_not_separated_is_read_as_one() -> None:
    body = f"The following addresses had errors:\n\n<{READER}>\n\n{FAILED}\n\n{RETURNED}"
    told = parse(mail(body, Content_Type='multipart/report; report-type=delivery-status; boundary="=_b"'))
    assert [(one.address, one.reason) for one in told.recipients] == [(READER, Reason.USER_UNKNOWN)]


def test_a_type_may_lack_the_semicolon_before_its_parameters() -> None:
    raw = multipart([("text/plain\n   charset=us-ascii", f"{READER} [User unknown]"), ("text/plain", "Hello")])
    assert [one.address for one in parse(raw).recipients] == [READER]


def test_no_dot_within_an_address_ends_it() -> None:
    [one] = parse(mail("jane@mail.example.co.uk Invalid Address, ERROR_CODE :5.1.1 User Unknown")).recipients
    assert one.address == "jane@mail.example.co.uk"


def test_a_quoted_name_is_part_of_the_address() -> None:
    quoted = '"a..reader."@example.com'
    for raw in (
        report(FAILED.replace(READER, quoted)),
        mail(f"<{quoted}>: host mx.example.com said: 550 User unknown"),
    ):
        assert [one.address for one in parse(raw).recipients] == [quoted]


def test_whom_two_reports_name_is_told_once() -> None:
    vague = FAILED[: FAILED.index("Diagnostic-Code")].replace("5.1.1", "5.0.0")
    parts = [("message/delivery-status", status) for status in (vague, FAILED.replace("reader", "Reader"), vague)]
    [one] = parse(multipart(parts, "report; report-type=delivery-status")).recipients
    assert one.reason is Reason.USER_UNKNOWN


def test_no_more_recipients_are_read_than_a_mail_may_have() -> None:
    group = "Final-Recipient: rfc822; {}@example.com\nAction: failed\nStatus: 5.1.1\n"
    parts = [("message/delivery-status", "\n".join(map(group.format, range(at, at + 90)))) for at in range(0, 540, 90)]
    assert len(parse(multipart(parts, "report; report-type=delivery-status")).recipients) == MOST_RECIPIENTS


def test_no_more_recipients_are_read_from_a_header_than_a_mail_may_have() -> None:
    named = "".join(f"X-Failed-Recipients: reader{number}@example.com\n" for number in range(MOST_RECIPIENTS + 9))
    assert (
        len(parse(f"{named}From: mailer-daemon@example.com\n\nUser unknown\n".encode()).recipients) == MOST_RECIPIENTS
    )


@pytest.mark.parametrize("name", ["spamhaus", "no.such.user", "over-quota", "relay-access-denied+dnsbl"])
def test_no_words_in_a_name_say_why(name: str) -> None:
    answers = "5.1.1 User unknown (in reply to RCPT TO command)", "5.2.2 Mailbox full (in reply to RCPT TO command)"
    for answer, reason in zip(answers, (Reason.USER_UNKNOWN, Reason.MAILBOX_FULL), strict=True):
        [one] = parse(mail(f"<{name}@example.com>: host mx.example.com said: 550 {answer}")).recipients
        assert (one.address, one.reason) == (f"{name}@example.com", reason)


def test_what_stands_behind_the_status_is_read_where_there_is_no_diagnostic() -> None:
    status = FAILED[: FAILED.index("Diagnostic-Code")].replace("5.1.1", "4.0.0 (example.com: host name lookup failure)")
    assert parse(report(status)).recipients[0].reason is Reason.NETWORK


def test_an_answer_of_no_known_host_is_that_of_the_recipients_own() -> None:
    said = "Error: Invalid user address\n\n550 - Requested action not taken: no such user here\n\n  RCPT TO: {}"
    told = [parse(mail(said.format(address))).recipients[0] for address in (READER, "2125550100@vtext.com")]
    assert [one.reason for one in told] == [Reason.FILTERED, Reason.USER_UNKNOWN]


def test_a_notice_in_japanese_is_read() -> None:
    said = f"送信先のメールボックスが一杯のため、送信できませんでした。\n\nCould not be delivered to: <{READER}>\n"
    told = parse(
        mail(said, "As their mailbox is full.", subject="メールエラー通知", Return_Path="", From="no-reply@example.jp")
    )
    assert [(one.address, one.reason) for one in told.recipients] == [(READER, Reason.MAILBOX_FULL)]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("You are not a member of this mailing list <{}>.\n\nSend help to\n\n    ctl@example.com", Reason.REJECTED),
        ("Duplicated Message-ID in <{}>.", Reason.NOT_COMPLIANT),
    ],
)
def test_a_mailing_list_may_refuse_an_issue_itself(said: str, reason: Reason) -> None:
    by_fml = {"X_MLServer": "fml [fml 4.0.3]", **dict.fromkeys(["From", "Return_Path"], "cats-admin@example.com")}
    told = parse(mail(said.format(READER), subject="From the list", **by_fml))
    assert told.kind is Kind.BOUNCE
    assert [(one.address, one.reason) for one in told.recipients] == [(READER, reason)]


def test_a_bounce_that_a_gateway_passes_on_whole_is_read() -> None:
    whole = multipart([("text/plain", "See below."), ("message/rfc822", report(FAILED).decode())])
    assert [one.address for one in parse(whole).recipients] == [READER]


def test_the_status_in_a_servers_words_may_say_more_than_that_of_the_report() -> None:
    status = FAILED.replace("Status: 5.1.1", "Status: 5.0.0").replace("5.1.1", "5.2.2").replace("User unknown", "full")
    [one] = parse(report(status)).recipients
    assert (one.status, one.reason) == ("5.2.2", Reason.MAILBOX_FULL)


def test_words_for_people_tell_which_command_was_refused() -> None:
    status = FAILED.replace("5.1.1", "5.0.0").replace(": Recipient address rejected", "")
    said = f"<{READER}>: host mx.example.com said: 550 User unknown (in reply to {{}} command)"
    assert parse(report(status, said.format("RCPT TO"))).recipients[0].reason is Reason.USER_UNKNOWN
    assert parse(report(status, said.format("end of DATA"))).recipients[0].reason is Reason.FILTERED


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Remote host said: 550 User unknown [RCPT_TO]", Reason.USER_UNKNOWN),
        ("Remote host said: 550 User unknown [BODY]", Reason.FILTERED),
        ("SMTP error, RCPT TO: Host mx.example.com(192.0.2.1) RCPT TO said 550 User unknown", Reason.USER_UNKNOWN),
        ("most progress was RCPT TO response; remote host 192.0.2.1 said: 550 User unknown", Reason.USER_UNKNOWN),
    ],
)
def test_each_program_names_the_command_in_its_own_way(said: str, reason: Reason) -> None:
    assert parse(mail(f"<{READER}>:", said)).recipients[0].reason is reason


def test_what_powermta_calls_it_counts_where_the_words_do_not_decide() -> None:
    said = FAILED.replace("5.1.1", "5.2.1").replace("Recipient address rejected:\n    ", "")
    told = [parse(report(f"{said}X-PowerMTA-BounceCategory: {word}\n")) for word in ("bad-mailbox", "spam-related")]
    assert [one.recipients[0].reason for one in told] == [Reason.USER_UNKNOWN, Reason.SPAM]
    full = said.replace("User unknown", "Mailbox full")
    told = [parse(report(f"{full}X-PowerMTA-BounceCategory: bad-mailbox\n"))]
    assert told[0].recipients[0].reason is Reason.MAILBOX_FULL


def test_an_unknown_user_whose_mailbox_is_full_is_not_unknown() -> None:
    [one] = parse(report(FAILED, "Your message was automatically rejected:\nNot enough disk space")).recipients
    assert (one.reason, one.hardness) == (Reason.MAILBOX_FULL, Hardness.SOFT)


def test_what_a_program_said_on_the_spot_is_no_servers_answer() -> None:
    status = FAILED.replace("smtp; 550 5.1.1", "x-unix; 75").replace("5.1.1", "5.3.0")
    assert parse(report(status)).recipients[0].reason is Reason.MAILER_ERROR


def test_a_complaint_is_about_the_addressee_of_what_it_returns() -> None:
    fields = "Feedback-Type: abuse\nUser-Agent: Test/1\nVersion: 1\n"
    parts = [("text/plain", "A complaint"), ("message/feedback-report", fields), ("message/rfc822", RETURNED)]
    told = parse(multipart(parts, "report; report-type=feedback-report", subject="Complaint"))
    assert (told.kind, told.return_path, told.message_id) == (Kind.COMPLAINT, RETURN_PATH, MESSAGE_ID)
    assert [(one.address, one.hardness, one.reason) for one in told.recipients] == [(READER, None, Reason.FEEDBACK)]


@pytest.mark.parametrize(("word", "kind"), [("opt-out", Kind.UNSUBSCRIBE), ("auth-failure", Kind.NOT_A_BOUNCE)])
def test_not_every_feedback_report_is_a_complaint(word: str, kind: Kind) -> None:
    parts = [("message/feedback-report", f"Feedback-Type: {word}\n"), ("message/rfc822", RETURNED)]
    assert parse(multipart(parts, "report; report-type=feedback-report")).kind is kind


PERSON = {"Return_Path": "<jane@example.com>", "From": "Jane <jane@example.com>"}


@pytest.mark.parametrize(
    ("subject", "body", "headers", "kind"),
    [
        ("Abwesenheitsnotiz: Die Woche", "Ich bin im Urlaub.", {}, Kind.AUTO_REPLY),
        ("Réponse automatique : La semaine", "Je suis absente.", {}, Kind.AUTO_REPLY),
        ("Re: The week", "Thank you!", {"Auto_Submitted": "auto-replied"}, Kind.AUTO_REPLY),
        ("Re: The week", "Thank you!", {"Return_Path": "<>"}, Kind.AUTO_REPLY),
        ("unsubscribe", "", {}, Kind.UNSUBSCRIBE),
        ("Abmelden", "Bitte", {}, Kind.UNSUBSCRIBE),
        ("Bitte abmelden", "", {}, Kind.UNSUBSCRIBE),
        ("Stop", "", {}, Kind.UNSUBSCRIBE),
        ("Please remove me from your mailing list", "Thanks", {}, Kind.UNSUBSCRIBE),
        ("Unsubscribe from this newsletter", "", {}, Kind.UNSUBSCRIBE),
        ("Take me off the list!", "", {}, Kind.UNSUBSCRIBE),
        ("Abmeldung vom Newsletter", "", {}, Kind.UNSUBSCRIBE),
        ("Darme de baja de la lista", "", {}, Kind.UNSUBSCRIBE),
        ("Me désabonner", "", {}, Kind.UNSUBSCRIBE),
        ("Remove the ads, please", "They are ugly.", {}, Kind.NOT_A_BOUNCE),
        ("Unsubscribe from Facebook: a guide", "For you.", {}, Kind.NOT_A_BOUNCE),
        ("Poza biurem", "", {}, Kind.AUTO_REPLY),
        ("Automatiskt svar: Veckan", "", {}, Kind.AUTO_REPLY),
        ("Je suis absente", "", {}, Kind.AUTO_REPLY),
        ("Távollét", "", {}, Kind.AUTO_REPLY),
        ("Re: The week", "Ticket 5", {"X_POST_MessageClass": "9; Autoresponder"}, Kind.AUTO_REPLY),
        ("On vacation last week I read you", "Loved it.", {}, Kind.NOT_A_BOUNCE),
        ("On vacation until Monday", "", {}, Kind.AUTO_REPLY),
        ("Отсутствие писем", "Где?", {}, Kind.NOT_A_BOUNCE),
        ("Stop the presses", "A story.", {}, Kind.NOT_A_BOUNCE),
        ("Автоматична відповідь: Тиждень", "", {}, Kind.AUTO_REPLY),
        ("自動回覆: 週刊", "", {}, Kind.AUTO_REPLY),
        ("Automātiska atbilde: Nedēļa", "", {}, Kind.AUTO_REPLY),
        ("Trả lời tự động: Tuần", "", {}, Kind.AUTO_REPLY),
        ("Автоматски одговор: Недела", "", {}, Kind.AUTO_REPLY),
        ("[OOO] The week", "Back on Monday.", {}, Kind.AUTO_REPLY),
        ("Ooo, what a week", "Loved it.", {}, Kind.NOT_A_BOUNCE),
        ("Re: please remove me", "", {}, Kind.UNSUBSCRIBE),
        ("Ticket 5", "This is an automated message sent by us.\n> To unsubscribe, write.", {}, Kind.NOT_A_BOUNCE),
        ("Ticket 6", "This is an automated message sent to you. We never stop.", {}, Kind.NOT_A_BOUNCE),
        (
            "The receipt",
            "Automatically generated by Outlook." + "\n> The week" * 20 + "\n> Unsubscribe",
            {},
            Kind.NOT_A_BOUNCE,
        ),
        ("", "This message was automatically generated by Gmail to unsubscribe.", {}, Kind.UNSUBSCRIBE),
        ("", "Apple Mail sent this email to unsubscribe from the message “The week”.", {}, Kind.UNSUBSCRIBE),
        ("Please confirm your message", "Verify that you are human.", {}, Kind.CHALLENGE),
        ("Re: The week", "Lovely. How do I unsubscribe my aunt?", {}, Kind.NOT_A_BOUNCE),
        ("Re: Undelivered Mail", f"I got this:\n> <{READER}>: 550 5.1.1 User unknown", {}, Kind.NOT_A_BOUNCE),
        ("Fwd: Mail delivery failed", f"See:\n\n  {READER}\n    550 no such user", {}, Kind.NOT_A_BOUNCE),
        ("Newsletter not delivered", "I did not get the last one.", {}, Kind.NOT_A_BOUNCE),
        ("Holiday recipes, please", "Could you?", {}, Kind.NOT_A_BOUNCE),
        ("Re: Holiday issue", "Loved it.", {}, Kind.NOT_A_BOUNCE),
        ("Urlaub in Polen", "Ein Tipp.", {}, Kind.NOT_A_BOUNCE),
        ("Absence of sources", "You cite none.", {}, Kind.NOT_A_BOUNCE),
        ("Holiday until Monday", "", {}, Kind.AUTO_REPLY),
        ("Urlaub", "Bis Montag.", {}, Kind.AUTO_REPLY),
        ("A ticket", "We received it.", {"X_Auto_Response_Suppress": "All"}, Kind.AUTO_REPLY),
        ("A question", "Is my message pending? Do I have to confirm it?", {}, Kind.NOT_A_BOUNCE),
        ("Hello", "Your message is pending. Verify: https://x.example/", {}, Kind.CHALLENGE),
        ("Stung by a bluebottle", "See https://x.example/", {}, Kind.NOT_A_BOUNCE),
        ("My challenge response", "It took a week.", {}, Kind.NOT_A_BOUNCE),
        ("Re: The week", "I approved none. Protected by EarthLink spamBlocker: http://x.example/", {}, Kind.CHALLENGE),
        ("Undelivered Mail", f"He got this of {READER}: 550 user unknown. Help?", {}, Kind.NOT_A_BOUNCE),
        ("Delayed answer", f"Sorry! Your mail to {READER} was returned.", {}, Kind.NOT_A_BOUNCE),
        (
            "Your list",
            f"Write to {READER}.",
            dict.fromkeys(["From", "Return_Path"], "postmaster@a.example"),
            Kind.NOT_A_BOUNCE,
        ),
        (
            "Delivery failure: 5 tips",
            f"{READER}: 550 user unknown",
            {"Return_Path": "", "List_Id": "<x>"},
            Kind.NOT_A_BOUNCE,
        ),
        ("Delivery", "Send it to:\n\njohn@example.com", {"From": "Gateway <info@gateway.example>"}, Kind.NOT_A_BOUNCE),
    ],
)
def test_other_mail_is_told_apart(subject: str, body: str, headers: dict[str, str], kind: Kind) -> None:
    assert parse(mail(body, subject=subject, **PERSON | headers)).kind is kind


def test_a_person_who_attaches_a_bounce_did_not_bounce() -> None:
    parts = [("text/plain", "I keep getting these."), ("message/rfc822", report(FAILED).decode())]
    assert parse(multipart(parts, subject="What is this?", **PERSON)).kind is Kind.NOT_A_BOUNCE


def test_a_receipt_says_so_in_a_part_of_its_own() -> None:
    parts = [("text/plain", "It was read."), ("message/disposition-notification", "Disposition: manual; displayed\n")]
    assert parse(multipart(parts, subject="Read: The week", **PERSON)).kind is Kind.AUTO_REPLY


LEAVE_AT = RETURN_PATH.replace("bounce+", "unsubscribe+")


@pytest.mark.parametrize(
    "headers",
    [
        {"Subject": "x"},
        {"Subject": "x", "X_Apple_Unsubscribe": "true", "Auto_Submitted": "auto-replied"},
        {"Subject": "Unsubscribe request", "Auto_Submitted": "auto-generated"},
    ],
)
def test_a_mail_to_our_unsubscribe_address_asks_to_leave_whatever_it_says(headers: dict[str, str]) -> None:
    told = parse(mail("Hello", To=LEAVE_AT, **PERSON | headers))
    assert (told.kind, told.return_path) == (Kind.UNSUBSCRIBE, LEAVE_AT)


def test_an_auto_reply_to_our_unsubscribe_address_asks_nothing() -> None:
    assert parse(mail("", subject="Automatic reply: x", To=LEAVE_AT, **PERSON)).kind is Kind.AUTO_REPLY


ISSUE = f"From: press@news.example.org\nTo: {READER}\nSubject: The week\nList-Unsubscribe: <mailto:{LEAVE_AT}>\n\nHello"


@pytest.mark.parametrize(
    "passed_on",
    [
        multipart([("text/plain", "Look."), ("message/rfc822", ISSUE)], subject="Fwd: The week", To=READER, **PERSON),
        mail(f"Look.\n\n-----Original Message-----\n{ISSUE}", subject="Fwd: The week", To=READER, **PERSON),
    ],
)
def test_whoever_passes_an_issue_on_does_not_ask_to_leave(passed_on: bytes) -> None:
    told = parse(passed_on)
    assert (told.kind, told.return_path) == (Kind.NOT_A_BOUNCE, LEAVE_AT)


def test_a_bounce_that_came_back_to_the_sender_is_not_taken_for_a_wish_to_leave() -> None:
    said = f"<{READER}>: 550 no such user here\n\n-----Original Message-----\n{ISSUE}"
    told = parse(mail(said, To="press@news.example.org"))
    assert (told.kind, told.return_path, told.recipients[0].address) == (Kind.BOUNCE, LEAVE_AT, READER)
