"""Each provider's words for what became of a mail: hard, soft, a complaint, a reader who leaves, or ours to mend."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from newsletter.delivery.bounces.notifications.json_fields import Fields, read_object
from newsletter.delivery.bounces.report import ABOUT_US, Hardness, Kind, Reason
from newsletter.web.hooks import ses
from newsletter.web.hooks.brevo import Brevo
from newsletter.web.hooks.mailgun import Mailgun
from newsletter.web.hooks.postmark import Postmark
from newsletter.web.hooks.resend import Resend
from newsletter.web.hooks.sendgrid import SendGrid
from newsletter.web.hooks.webhook import Event
from tests.web.hooks import signing
from tests.web.hooks.signing import SECRET, ses_bounce

HARD, SOFT, B = Hardness.HARD, Hardness.SOFT, Kind.BOUNCE
UNKNOWN = "550 5.1.1 The email account that you tried to reach does not exist"
POLICY = "550 5.7.1 [CS01] Message rejected due to local policy"
FULL = "552 5.2.2 mailbox full"
LATER = "450 4.2.0 Greylisted, try again later"
LEFT, COMPLAINED, DELIVERED = (Kind.UNSUBSCRIBE, None), (Kind.COMPLAINT, None), (Kind.DELIVERED, None)


def of_ses(message: Mapping[str, Any]) -> list[Event]:
    return ses.read_notification(read_object(signing.sns(message)[1]))


def of_postmark(item: Mapping[str, Any]) -> list[Event]:
    told = {
        "ID": 42,
        "MessageID": "m-1",
        "Email": "ada@example.org",
        "BouncedAt": "2026-11-20T11:59:00.1234567Z",
        **item,
    }
    return list(Postmark([SECRET]).read(signing.post(signing.with_password(told, "postmark"))).events)


def of_sendgrid(item: Mapping[str, Any]) -> list[Event]:
    told = {"email": "ada@example.org", "timestamp": 1795175940, "sg_event_id": "e-1", "smtp-id": "<id@x>", **item}
    return list(SendGrid([signing.verification_key()]).read(signing.post(signing.sendgrid([told]))).events)


def of_mailgun(item: Mapping[str, Any]) -> list[Event]:
    told = {"recipient": "ada@example.org", "timestamp": 1795175940.5, "id": "not-unique", **item}
    told["message"] = {"headers": {"message-id": "id@x"}}
    return list(Mailgun([SECRET]).read(signing.post(signing.mailgun(told))).events)


def of_brevo(item: Mapping[str, Any]) -> list[Event]:
    told = {"email": "ada@example.org", "ts_epoch": 1795175940000, "message-id": "<id@x>", "id": 7, **item}
    return list(Brevo([SECRET]).read(signing.post(signing.with_password(told, "brevo"))).events)


def of_resend(kind: str, **data: Any) -> list[Event]:
    told = {"type": kind, "created_at": "2026-11-20T11:59:00.000Z", "data": {"to": ["Ada <ada@example.org>"], **data}}
    return list(Resend([signing.SIGNING_SECRET]).read(signing.post(signing.resend(told))).events)


def check(found: list[Event], kind: Kind, hardness: Hardness | None, reason: Reason | None = None) -> Event:
    [event] = found
    [recipient] = event.report.recipients
    assert (event.report.kind, recipient.hardness) == (kind, hardness)
    assert reason is None or recipient.reason is reason
    assert recipient.address == "ada@example.org"
    assert event.unknown == ""
    return event


@pytest.mark.parametrize(
    ("kind", "subkind", "words", "status", "hardness", "reason"),
    [
        ("Permanent", "NoEmail", "", "", HARD, Reason.USER_UNKNOWN),
        ("Permanent", "General", "", "", HARD, Reason.USER_UNKNOWN),
        ("Permanent", "General", f"smtp; {UNKNOWN}", "5.1.1", HARD, Reason.USER_UNKNOWN),
        ("Permanent", "General", f"smtp; {POLICY}", "5.7.1", SOFT, None),
        ("Permanent", "General", f"smtp; {FULL}", "5.2.2", SOFT, Reason.MAILBOX_FULL),
        ("Permanent", "General", f"smtp; {LATER}", "4.2.0", SOFT, None),
        ("Permanent", "ContentRejected", "", "", SOFT, Reason.CONTENT),
        ("Permanent", "Suppressed", "", "5.1.1", HARD, Reason.NOT_ACCEPT),
        ("Permanent", "OnAccountSuppressionList", "", "", HARD, Reason.NOT_ACCEPT),
        ("Transient", "General", "", "", SOFT, None),
        ("Transient", "General", f"smtp; {UNKNOWN}", "5.1.1", SOFT, None),
        ("Transient", "General", "smtp; 550 4.4.7 Message expired", "4.4.7", SOFT, Reason.EXPIRED),
        ("Transient", "General", "", "5.4.4", SOFT, Reason.HOST_UNKNOWN),
        ("Transient", "MailboxFull", "", "", SOFT, Reason.MAILBOX_FULL),
        ("Transient", "MessageTooLarge", "", "", SOFT, Reason.EMAIL_TOO_LARGE),
        ("Transient", "ContentRejected", "", "", SOFT, Reason.CONTENT),
        ("Transient", "AttachmentRejected", "", "", SOFT, Reason.CONTENT),
        ("Undetermined", "Undetermined", "", "", SOFT, None),
        ("Imaginary", "Novel", "", "", SOFT, None),
    ],
)
def test_each_bounce_of_ses_is_classified(
    kind: str, subkind: str, words: str, status: str, hardness: Hardness, reason: Reason | None
) -> None:
    event = check(of_ses(ses_bounce(kind, subkind, words, status)), B, hardness, reason)
    assert event.at == datetime(2026, 11, 20, 11, 59, 58, tzinfo=UTC)
    assert event.report.return_path == "letters@example.org"


@pytest.mark.parametrize("key", ["notificationType", "eventType"])
@pytest.mark.parametrize(
    ("word", "part", "kind", "hardness"),
    [
        ("Complaint", {"complainedRecipients": [{"emailAddress": "ada@example.org"}]}, *COMPLAINED),
        ("Delivery", {"recipients": ["ada@example.org"], "smtpResponse": "250 ok"}, *DELIVERED),
        ("Bounce", ses_bounce("Permanent", "General")["bounce"], B, HARD),
    ],
)
def test_ses_has_two_dialects_and_the_same_event_in_both_is_one(
    key: str, word: str, part: dict[str, Any], kind: Kind, hardness: Hardness | None
) -> None:
    message = {"mail": {"messageId": "0100"}, word.lower(): {**part, "timestamp": "2026-11-20T11:59:58Z"}}
    event = check(of_ses({key: word, **message}), kind, hardness)
    other = "eventType" if key == "notificationType" else "notificationType"
    assert check(of_ses({other: word, "more": 1, **message}), kind, hardness).event_id == event.event_id
    message["mail"] = {"messageId": "0101"}
    assert check(of_ses({key: word, **message}), kind, hardness).event_id != event.event_id


@pytest.mark.parametrize(
    ("feedback", "kind"),
    [
        ("abuse", Kind.COMPLAINT),
        ("fraud", Kind.COMPLAINT),
        (None, Kind.COMPLAINT),
        ("not-spam", Kind.NOT_A_BOUNCE),
        ("auth-failure", Kind.NOT_A_BOUNCE),
    ],
)
def test_not_all_feedback_that_ses_passes_on_is_a_complaint(feedback: str | None, kind: Kind) -> None:
    told = {"complainedRecipients": [{"emailAddress": "ada@example.org"}], "complaintFeedbackType": feedback}
    check(of_ses({"eventType": "Complaint", "mail": {"messageId": "1"}, "complaint": told}), kind, None)


@pytest.mark.parametrize(
    ("message", "kind", "reason"),
    [
        ({"eventType": "Reject", "reject": {"reason": "Bad content"}}, B, Reason.VIRUS),
        ({"eventType": "Rendering Failure", "failure": {"errorMessage": "no such field"}}, B, Reason.SYNTAX),
    ],
)
def test_what_ses_did_not_send_for_our_fault_is_ours(message: dict[str, Any], kind: Kind, reason: Reason) -> None:
    mail = {"messageId": "1", "destination": ["ada@example.org"]}
    event = check(of_ses({"mail": mail, **message}), kind, SOFT, reason)
    assert event.report.recipients[0].reason in ABOUT_US


def test_a_delay_of_ses_is_no_bounce() -> None:
    told = {"delayType": "MailboxFull", "delayedRecipients": [{"emailAddress": "ada@example.org", "status": "4.2.2"}]}
    message = {"eventType": "DeliveryDelay", "mail": {"messageId": "1"}, "deliveryDelay": told}
    check(of_ses(message), Kind.DELAY, SOFT, Reason.MAILBOX_FULL)


def test_ses_names_our_own_message_id_where_it_passes_the_headers_on() -> None:
    mail = {"headers": [{"name": "Message-ID", "value": "<ours@example.org>"}]}
    assert of_ses(ses_bounce("Permanent", "General", **mail))[0].report.message_id == "ours@example.org"
    mail = {"commonHeaders": {"messageId": "<ours@example.org>"}}
    assert of_ses(ses_bounce("Permanent", "General", **mail))[0].report.message_id == "ours@example.org"


def test_what_readers_do_with_a_mail_is_not_kept() -> None:
    assert [of_ses({"eventType": word, "mail": {"messageId": "1"}}) for word in ("Send", "Open", "Click")] == [[]] * 3
    assert [of_postmark({"RecordType": word}) for word in ("Open", "Click")] == [[]] * 2
    assert [of_sendgrid({"event": word}) for word in ("processed", "open", "click", "group_resubscribe")] == [[]] * 4
    assert [of_mailgun({"event": word}) for word in ("accepted", "opened", "clicked")] == [[]] * 3
    assert [of_brevo({"event": word}) for word in ("request", "opened", "proxy_open", "click")] == [[]] * 4
    assert [of_resend(f"email.{word}") for word in ("sent", "opened", "clicked")] == [[]] * 3


def test_ses_greets_in_a_sentence_that_is_not_json() -> None:
    told = "Successfully validated SNS topic for Amazon SES event publishing."
    assert ses.read_notification(Fields({"Message": told, "MessageId": "1"})) == []


@pytest.mark.parametrize("message", ["no JSON", "[]", "{}", '{"eventType": "Novelty"}', '{"eventType": 7}', ""])
def test_what_ses_says_in_words_of_tomorrow_is_kept(message: str) -> None:
    [event] = ses.read_notification(Fields({"Message": message, "MessageId": "1"}))
    assert (event.report.kind, event.event_id, bool(event.unknown)) == (Kind.NOT_A_BOUNCE, "ses:1", True)
    assert event.raw == message.encode()


@pytest.mark.parametrize(
    ("word", "words", "kind", "hardness", "reason"),
    [
        ("HardBounce", UNKNOWN, B, HARD, Reason.USER_UNKNOWN),
        ("HardBounce", "", B, HARD, Reason.USER_UNKNOWN),
        ("HardBounce", POLICY, B, SOFT, None),
        ("HardBounce", LATER, B, SOFT, None),
        ("BadEmailAddress", "", B, HARD, Reason.USER_UNKNOWN),
        ("SoftBounce", UNKNOWN, B, SOFT, None),
        ("Transient", "", B, SOFT, None),
        ("DnsError", "", B, SOFT, None),
        ("SpamNotification", "", B, SOFT, Reason.SPAM),
        ("SpamComplaint", "", *COMPLAINED, None),
        ("Unsubscribe", "", *LEFT, None),
        ("ManuallyDeactivated", "", B, HARD, Reason.NOT_ACCEPT),
        ("Blocked", "", B, SOFT, Reason.BLOCKED),
        ("Unconfirmed", "", B, HARD, Reason.NOT_ACCEPT),
        ("AutoResponder", "", Kind.AUTO_REPLY, None, None),
        ("ChallengeVerification", "", Kind.CHALLENGE, None, None),
        ("AddressChange", "", Kind.NOT_A_BOUNCE, None, None),
        ("OpenRelayTest", "", Kind.NOT_A_BOUNCE, None, None),
        ("VirusNotification", "", B, SOFT, Reason.VIRUS),
        ("DMARCPolicy", "", B, SOFT, Reason.AUTHENTICATION),
        ("SMTPApiError", "", B, SOFT, Reason.SYNTAX),
        ("TemplateRenderingFailed", "", B, SOFT, Reason.SYNTAX),
    ],
)
def test_each_type_of_postmark_is_classified(
    word: str, words: str, kind: Kind, hardness: Hardness | None, reason: Reason | None
) -> None:
    event = check(
        of_postmark({"RecordType": "Bounce", "Type": word, "Details": words, "TypeCode": 1}), kind, hardness, reason
    )
    assert event.at == datetime(2026, 11, 20, 11, 59, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("item", "kind", "hardness"),
    [
        ({"RecordType": "SpamComplaint", "Type": "SpamComplaint", "TypeCode": 512}, *COMPLAINED),
        ({"RecordType": "Delivery", "ID": None, "Recipient": "ada@example.org", "Email": None}, *DELIVERED),
        (
            {"RecordType": "SubscriptionChange", "SuppressSending": True, "SuppressionReason": "ManualSuppression"},
            *LEFT,
        ),
        ({"RecordType": "SubscriptionChange", "SuppressSending": True, "SuppressionReason": "HardBounce"}, B, HARD),
        (
            {"RecordType": "SubscriptionChange", "SuppressSending": True, "SuppressionReason": "SpamComplaint"},
            *COMPLAINED,
        ),
    ],
)
def test_each_record_of_postmark_is_classified(item: dict[str, Any], kind: Kind, hardness: Hardness | None) -> None:
    check(of_postmark(item), kind, hardness)


def test_postmark_takes_nobody_back_for_us() -> None:
    told = {"RecordType": "SubscriptionChange", "SuppressSending": False, "SuppressionReason": "HardBounce"}
    assert of_postmark(told) == []


@pytest.mark.parametrize(
    ("item", "kind", "hardness", "reason"),
    [
        ({"event": "bounce", "type": "bounce", "reason": UNKNOWN}, B, HARD, Reason.USER_UNKNOWN),
        ({"event": "bounce", "type": "bounce", "bounce_classification": "Invalid Address"}, B, HARD, None),
        ({"event": "bounce", "type": "bounce", "bounce_classification": "INVALID ADDRESS"}, B, HARD, None),
        ({"event": "bounce", "type": "bounce", "bounce_classification": "Technical"}, B, SOFT, None),
        ({"event": "bounce", "type": "bounce", "bounce_classification": "content"}, B, SOFT, Reason.CONTENT),
        ({"event": "bounce", "type": "bounce", "bounce_classification": "Reputation"}, B, SOFT, Reason.BAD_REPUTATION),
        ({"event": "bounce", "bounce_classification": "Frequency or Volume Too High"}, B, SOFT, Reason.RATE_LIMITED),
        ({"event": "bounce", "type": "bounce", "bounce_classification": "Mailbox Unavailable"}, B, SOFT, None),
        ({"event": "bounce", "type": "bounce", "bounce_classification": "Unclassified"}, B, SOFT, None),
        ({"event": "bounce", "type": "blocked", "reason": UNKNOWN}, B, SOFT, None),
        ({"event": "bounce", "type": "bounce", "reason": POLICY}, B, SOFT, None),
        ({"event": "dropped", "reason": "Bounced Address"}, B, HARD, Reason.NOT_ACCEPT),
        ({"event": "dropped", "reason": "Invalid"}, B, HARD, None),
        ({"event": "dropped", "reason": "Spam Reporting Address"}, *COMPLAINED, None),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, *LEFT, None),
        ({"event": "dropped", "reason": "Spam Content"}, B, SOFT, Reason.SPAM),
        ({"event": "dropped", "reason": "Something new"}, B, SOFT, None),
        ({"event": "deferred", "response": "421 try again"}, Kind.DELAY, SOFT, None),
        ({"event": "delivered", "response": "250 ok"}, *DELIVERED, None),
        ({"event": "spamreport"}, *COMPLAINED, None),
        ({"event": "unsubscribe"}, *LEFT, None),
        ({"event": "group_unsubscribe", "asm_group_id": 1}, *LEFT, None),
    ],
)
def test_each_event_of_sendgrid_is_classified(
    item: dict[str, Any], kind: Kind, hardness: Hardness | None, reason: Reason | None
) -> None:
    event = check(of_sendgrid(item), kind, hardness, reason)
    assert (event.event_id, event.report.message_id) == ("sendgrid:e-1", "id@x")
    assert event.at == datetime.fromtimestamp(1795175940, UTC)


def failed(reason: str, severity: str = "permanent", **status: Any) -> dict[str, Any]:
    return {"event": "failed", "severity": severity, "reason": reason, "delivery-status": status}


@pytest.mark.parametrize(
    ("item", "kind", "hardness", "reason"),
    [
        (failed("bounce", code=550, message=UNKNOWN), B, HARD, Reason.USER_UNKNOWN),
        (failed("bounce", code=550), B, HARD, Reason.USER_UNKNOWN),
        (failed("bounce", code=550, message=POLICY), B, SOFT, None),
        (failed("bounce", code=421), B, SOFT, None),
        (failed("suppress-bounce", code=605), B, HARD, Reason.NOT_ACCEPT),
        (failed("suppress-complaint"), *COMPLAINED, None),
        (failed("suppress-unsubscribe"), *LEFT, None),
        (failed("generic", code=605), B, HARD, Reason.NOT_ACCEPT),
        (failed("old", code=602, message="Too old"), B, SOFT, Reason.EXPIRED),
        (failed("generic", code=498, message="No MX for nowhere.example"), B, SOFT, None),
        (
            failed("generic", **{"code": 550, "enhanced-code": "5.1.1", "message": UNKNOWN}),
            B,
            HARD,
            Reason.USER_UNKNOWN,
        ),
        (failed("generic", code=550), B, SOFT, None),
        (failed("generic", "temporary", code=450, message="greylisted"), Kind.DELAY, SOFT, None),
        ({"event": "rejected", "reject": {"reason": "Sandbox"}}, B, SOFT, Reason.REJECTED),
        ({"event": "complained"}, *COMPLAINED, None),
        ({"event": "unsubscribed", "mailing-list": "*"}, *LEFT, None),
        ({"event": "delivered"}, *DELIVERED, None),
    ],
)
def test_each_event_of_mailgun_is_classified(
    item: dict[str, Any], kind: Kind, hardness: Hardness | None, reason: Reason | None
) -> None:
    event = check(of_mailgun(item), kind, hardness, reason)
    assert (event.event_id, event.report.message_id) == ("mailgun:token-1", "id@x")


@pytest.mark.parametrize(
    ("word", "words", "kind", "hardness", "reason"),
    [
        ("hard_bounce", UNKNOWN, B, HARD, Reason.USER_UNKNOWN),
        ("hard_bounce", POLICY, B, SOFT, None),
        ("soft_bounce", UNKNOWN, B, SOFT, None),
        ("invalid_email", "", B, HARD, Reason.USER_UNKNOWN),
        ("blocked", "", B, HARD, Reason.NOT_ACCEPT),
        ("blocked", "blocked : due to blacklist user", B, HARD, Reason.NOT_ACCEPT),
        ("blocked", POLICY, B, SOFT, None),
        ("deferred", "greylisted", Kind.DELAY, SOFT, None),
        ("error", "", B, SOFT, Reason.SYNTAX),
        ("spam", "", *COMPLAINED, None),
        ("complaint", "", *COMPLAINED, None),
        ("unsubscribe", "", *LEFT, None),
        ("unsubscribed", "", *LEFT, None),
        ("delivered", "", *DELIVERED, None),
    ],
)
def test_each_event_of_brevo_is_classified(
    word: str, words: str, kind: Kind, hardness: Hardness | None, reason: Reason | None
) -> None:
    event = check(
        of_brevo({"event": word, "reason": words, "ts": 1, "date": "in the zone of the account"}),
        kind,
        hardness,
        reason,
    )
    assert (event.at, event.report.message_id) == (datetime.fromtimestamp(1795175940, UTC), "id@x")
    # It has no id of its own: the webhook's is the same for all.
    assert of_brevo({"event": word, "ts_epoch": 1795175940001})[0].event_id != event.event_id


@pytest.mark.parametrize(
    ("word", "data", "kind", "hardness", "reason"),
    [
        ("email.bounced", {"bounce": {"type": "Permanent", "subType": "General"}}, B, HARD, Reason.USER_UNKNOWN),
        ("email.bounced", {"bounce": {"type": "Permanent", "subType": "Suppressed"}}, B, HARD, Reason.NOT_ACCEPT),
        ("email.bounced", {"bounce": {"message": "Resend has suppressed sending"}}, B, HARD, Reason.NOT_ACCEPT),
        ("email.bounced", {"bounce": {"message": "… sent a hard bounce message"}}, B, HARD, None),
        ("email.bounced", {"bounce": {"message": "… sent a general bounce message."}}, B, SOFT, None),
        ("email.bounced", {"bounce": {"type": "Transient", "subType": "MailboxFull"}}, B, SOFT, Reason.MAILBOX_FULL),
        ("email.bounced", {}, B, SOFT, None),
        ("email.suppressed", {}, B, HARD, Reason.NOT_ACCEPT),
        ("email.failed", {}, B, SOFT, Reason.SYNTAX),
        ("email.delivery_delayed", {}, Kind.DELAY, SOFT, None),
        ("email.complained", {}, *COMPLAINED, None),
        ("email.delivered", {}, *DELIVERED, None),
    ],
)
def test_each_event_of_resend_is_classified(
    word: str, data: dict[str, Any], kind: Kind, hardness: Hardness | None, reason: Reason | None
) -> None:
    assert check(of_resend(word, **data), kind, hardness, reason).event_id == "resend:msg_1"


def test_words_of_tomorrow_are_kept_and_never_fail() -> None:
    found = [
        *of_postmark({"RecordType": "Novelty"}),
        *of_postmark({"RecordType": "Bounce", "Type": "Novelty"}),
        *of_sendgrid({"event": "novelty"}),
        *of_mailgun({"event": "novelty"}),
        *of_brevo({"event": "novelty"}),
        *of_resend("email.novelty"),
    ]
    assert [(event.report.kind, event.unknown.lower().endswith("novelty")) for event in found] == [
        (Kind.NOT_A_BOUNCE, True)
    ] * 6
    assert all(b"ovelty" in event.raw for event in found)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "soon", 7, None])
def test_a_moment_that_no_event_can_have_is_not_told(moment: object) -> None:
    assert of_postmark({"RecordType": "Bounce", "Type": "HardBounce", "BouncedAt": moment})[0].at is None


@pytest.mark.parametrize("moment", [-62135596800000, 10**18, 10**400, "1e999", True, [], None])
def test_nor_is_a_number_that_is_no_moment(moment: object) -> None:
    assert of_brevo({"event": "hard_bounce", "ts_epoch": moment})[0].at is None
