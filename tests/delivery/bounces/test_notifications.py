"""Amazon SES's notifications that come as mail: JSON in the text, as SNS sends it."""

import json
from typing import Any

import pytest

from newsletter.delivery.bounces.parse import parse
from newsletter.delivery.bounces.report import Hardness, Kind, Reason
from tests.delivery.bounces.mails import MESSAGE_ID, READER, RETURN_PATH, mail

FOOTER = "\n\n--\nIf you wish to stop receiving notifications from this topic, visit the link below to unsubscribe:\n"
SENT = {
    "source": RETURN_PATH,
    "messageId": "0100-ses-1",
    "destination": [READER],
    "headers": [{"name": "Message-ID", "value": f"<{MESSAGE_ID}>"}],
}


def bounced(bounce_type: str, subtype: str, status: str, diagnostic: str) -> dict[str, Any]:
    recipient = {"emailAddress": READER, "action": "failed", "status": status, "diagnosticCode": f"smtp; {diagnostic}"}
    bounce = {"bounceType": bounce_type, "bounceSubType": subtype, "bouncedRecipients": [recipient]}
    return {"notificationType": "Bounce", "bounce": bounce, "mail": SENT}


UNKNOWN = bounced("Permanent", "General", "5.1.1", "550 5.1.1 user unknown")
FULL = bounced("Transient", "MailboxFull", "5.2.2", "552 5.2.2 mailbox full")
DELIVERED = {"eventType": "Delivery", "delivery": {"recipients": [READER], "smtpResponse": "250 ok"}, "mail": SENT}
COMPLAINT = {
    "notificationType": "Complaint",
    "complaint": {"complainedRecipients": [{"emailAddress": READER}], "complaintFeedbackType": "abuse"},
    "mail": SENT,
}
DELAY = {
    "eventType": "DeliveryDelay",
    "deliveryDelay": {
        "delayType": "MailboxFull",
        "delayedRecipients": [{"emailAddress": READER, "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 full"}],
    },
    "mail": SENT,
}


def from_sns(text: str) -> bytes:
    sender = {
        "From": "AWS Notifications <no-reply@sns.amazonaws.com>",
        "Return_Path": "<0100-1@eu-1.amazonses.example>",
    }
    return mail(text + FOOTER, subject="AWS Notification Message", To="bounces@news.example.org", **sender)


@pytest.mark.parametrize(
    ("message", "kind", "reason", "hardness"),
    [
        (UNKNOWN, Kind.BOUNCE, Reason.USER_UNKNOWN, Hardness.HARD),
        (FULL, Kind.BOUNCE, Reason.MAILBOX_FULL, Hardness.SOFT),
        (DELAY, Kind.DELAY, Reason.MAILBOX_FULL, Hardness.SOFT),
        (COMPLAINT, Kind.COMPLAINT, Reason.FEEDBACK, None),
        (DELIVERED, Kind.DELIVERED, Reason.DELIVERED, None),
    ],
)
def test_a_notification_is_read_as_that_of_a_webhook(
    message: dict[str, Any], kind: Kind, reason: Reason, hardness: Hardness | None
) -> None:
    for text in (json.dumps(message), json.dumps({"Type": "Notification", "Message": json.dumps(message)})):
        told = parse(from_sns(text))
        [one] = told.recipients
        assert (told.kind, one.address, one.reason, one.hardness) == (kind, READER, reason, hardness)
        assert (told.return_path, told.message_id) == (RETURN_PATH, MESSAGE_ID)


@pytest.mark.parametrize("end", ["!\n ", "\n"])
def test_lines_that_a_server_broke_are_read(end: str) -> None:
    text = json.dumps(UNKNOWN)
    at = text.index("unknown")
    [one] = parse(from_sns(text[:at] + end + text[at:])).recipients
    assert (one.address, one.hardness) == (READER, Hardness.HARD)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(UNKNOWN)[:-20],
        json.dumps({"eventType": "Send", "mail": SENT}),
        json.dumps({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have subscribed."}),
        '{"bounce": "550 5.1.1 user unknown"}',
        "{" * 5_000,
    ],
)
def test_other_json_is_no_bounce(text: str) -> None:
    assert parse(from_sns(text)).kind is Kind.NOT_A_BOUNCE
