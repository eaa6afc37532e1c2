"""django-anymail as a second opinion: what it reads in a provider's event, so do we.

Where they differ it is on purpose, and the table says so: anymail has one word for every bounce, hard or soft.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import pytest

from newsletter.delivery.bounces.report import Kind
from newsletter.web.hooks.webhook import Event
from tests.web.hooks import signing
from tests.web.hooks.test_provider_words import (
    failed,
    of_brevo,
    of_mailgun,
    of_postmark,
    of_resend,
    of_sendgrid,
    of_ses,
)

pytestmark = pytest.mark.slow

KINDS = {
    "bounced": Kind.BOUNCE,
    "rejected": Kind.BOUNCE,
    "failed": Kind.BOUNCE,
    "complained": Kind.COMPLAINT,
    "unsubscribed": Kind.UNSUBSCRIBE,
    "delivered": Kind.DELIVERED,
    "deferred": Kind.DELAY,
    "autoresponded": Kind.AUTO_REPLY,
    "unknown": Kind.NOT_A_BOUNCE,
}
ON_PURPOSE = {
    # A filter's question is no answer of a person's program; a relay test and a new address are no delay.
    ("postmark", "ChallengeVerification"): Kind.CHALLENGE,
    ("postmark", "OpenRelayTest"): Kind.NOT_A_BOUNCE,
    ("postmark", "AddressChange"): Kind.NOT_A_BOUNCE,
    # A spam filter's verdict is no complaint of a reader.
    ("postmark", "SpamNotification"): Kind.BOUNCE,
    # It will come, or a bounce will: anymail has it deferred, and so a bounce that may still be delivered.
    ("postmark", "Transient"): Kind.BOUNCE,
    ("postmark", "DnsError"): Kind.BOUNCE,
    # What SendGrid withheld because of an earlier complaint, or an earlier goodbye, is that.
    ("sendgrid", "Spam Reporting Address"): Kind.COMPLAINT,
    ("sendgrid", "Unsubscribed Address"): Kind.UNSUBSCRIBE,
    ("mailgun", "suppress-complaint"): Kind.COMPLAINT,
    ("mailgun", "suppress-unsubscribe"): Kind.UNSUBSCRIBE,
    ("ses", "DeliveryDelay"): Kind.DELAY,
}
ADA = "ada@example.org"
AT = "2026-11-20T11:59:00Z"


@pytest.fixture(scope="module", autouse=True)
def _django() -> None:
    # Here, so that the fast tests, which never need it, do not wait for it either.
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(USE_TZ=True, SECRET_KEY="for tests", ALLOWED_HOSTS=["*"])
        django.setup()


def theirs(provider: str, view: str, payload: Any, headers: dict[str, str] | None = None) -> Any:
    """What anymail makes of an event that it believes already."""
    kind = getattr(import_module(f"anymail.webhooks.{provider}"), f"{view}TrackingWebhookView")
    reader = kind.__new__(kind)
    if provider == "amazon_ses":
        return reader.esp_to_anymail_events(payload, {"MessageId": "1", "Timestamp": AT})[0]
    if provider == "resend":
        from django.test import RequestFactory

        return reader.esp_to_anymail_event(payload, RequestFactory().post("/", headers=headers))
    return reader.esp_to_anymail_event(payload)


def check(ours: Iterable[Event], other: Any, provider: str, word: str) -> None:
    [event] = ours
    [recipient] = event.report.recipients
    assert event.report.kind is ON_PURPOSE.get((provider, word), KINDS[other.event_type]), (provider, word)
    assert recipient.address == ADA
    assert ADA in str(other.recipient)
    if other.timestamp and provider != "ses":
        assert event.at == other.timestamp


@pytest.mark.parametrize(
    "word",
    [
        *("HardBounce", "Transient", "Unsubscribe", "AutoResponder", "AddressChange", "DnsError", "SpamNotification"),
        *("OpenRelayTest", "SoftBounce", "VirusNotification", "ChallengeVerification", "BadEmailAddress"),
        *("SpamComplaint", "ManuallyDeactivated", "Unconfirmed", "Blocked", "SMTPApiError", "DMARCPolicy"),
        *("TemplateRenderingFailed",),
    ],
)
def test_anymail_reads_the_same_in_each_type_of_postmark(word: str) -> None:
    item = {
        "RecordType": "Bounce",
        "Type": word,
        "Email": ADA,
        "ID": 42,
        "BouncedAt": AT,
        "Details": "550 5.1.1 unknown",
    }
    check(of_postmark(item), theirs("postmark", "Postmark", item), "postmark", word)


@pytest.mark.parametrize(
    "item",
    [
        {
            "RecordType": "Delivery",
            "Recipient": ADA,
            "Email": ADA,
            "DeliveredAt": AT,
            "BouncedAt": AT,
            "MessageID": "1",
        },
        {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "Email": ADA, "BouncedAt": AT, "ID": 1},
        {
            "RecordType": "SubscriptionChange",
            "Email": ADA,
            "SuppressSending": True,
            "BouncedAt": AT,
            "SuppressionReason": "ManualSuppression",
        },
    ],
)
def test_anymail_reads_the_same_in_each_record_of_postmark(item: dict[str, Any]) -> None:
    check(of_postmark(item), theirs("postmark", "Postmark", item), "postmark", item["RecordType"])


@pytest.mark.parametrize(
    "item",
    [
        {"event": "bounce", "type": "bounce", "reason": "550 5.1.1 unknown"},
        {"event": "bounce", "type": "blocked", "reason": "550 5.7.1 no"},
        {"event": "deferred", "response": "421 later"},
        {"event": "delivered", "response": "250 ok"},
        {"event": "spamreport"},
        {"event": "unsubscribe"},
        {"event": "group_unsubscribe"},
        {"event": "dropped", "reason": "Bounced Address"},
        {"event": "dropped", "reason": "Invalid"},
        {"event": "dropped", "reason": "Spam Reporting Address"},
        {"event": "dropped", "reason": "Unsubscribed Address"},
        {"event": "novelty"},
    ],
)
def test_anymail_reads_the_same_in_each_event_of_sendgrid(item: dict[str, Any]) -> None:
    told = {"email": ADA, "timestamp": 1795175940, "sg_event_id": "e-1", "smtp-id": "<id@x>", **item}
    other = theirs("sendgrid", "SendGrid", told)
    check(of_sendgrid(item), other, "sendgrid", item.get("reason", ""))
    assert (other.event_id, other.message_id) == ("e-1", "<id@x>")


@pytest.mark.parametrize(
    "item",
    [
        failed("bounce", code=550, message="550 5.1.1 unknown"),
        failed("generic", "temporary", code=450),
        failed("suppress-bounce", code=605),
        failed("suppress-complaint", code=607),
        failed("suppress-unsubscribe", code=606),
        failed("old", code=602),
        {"event": "complained"},
        {"event": "unsubscribed"},
        {"event": "delivered"},
        {"event": "rejected", "reject": {"reason": "Sandbox"}},
        {"event": "novelty"},
    ],
)
def test_anymail_reads_the_same_in_each_event_of_mailgun(item: dict[str, Any]) -> None:
    told = {"recipient": ADA, "timestamp": 1795175940.5, "message": {"headers": {"message-id": "id@x"}}, **item}
    posted = {"signature": {"token": "token-1"}, "event-data": told}
    check(of_mailgun(item), theirs("mailgun", "Mailgun", posted), "mailgun", item.get("reason", ""))


@pytest.mark.parametrize(
    "word",
    [
        *("delivered", "hard_bounce", "soft_bounce", "invalid_email", "blocked", "deferred", "spam"),
        *("unsubscribe", "error", "novelty"),
    ],
)
def test_anymail_reads_the_same_in_each_event_of_brevo(word: str) -> None:
    told = {"event": word, "email": ADA, "ts_epoch": 1795175940000, "message-id": "<id@x>"}
    other = theirs("brevo", "Brevo", told)
    check(of_brevo({"event": word}), other, "brevo", word)


@pytest.mark.parametrize("word", ["bounced", "delivery_delayed", "complained", "delivered", "novelty"])
def test_anymail_reads_the_same_in_each_event_of_resend(word: str) -> None:
    data = {"to": [f"Ada <{ADA}>"], "bounce": {"message": "sent a hard bounce message"}}
    told = {"type": f"email.{word}", "created_at": "2026-11-20T11:59:00.000Z", "data": data}
    other = theirs("resend", "Resend", told, {"svix-id": "msg_1"})
    [event] = ours = of_resend(f"email.{word}", **data)
    check(ours, other, "resend", word)
    assert event.event_id == f"resend:{other.event_id}"


@pytest.mark.parametrize("key", ["notificationType", "eventType"])
@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("Bounce", signing.ses_bounce("Permanent", "General")["bounce"]),
        ("Complaint", {"complainedRecipients": [{"emailAddress": ADA}]}),
        ("Delivery", {"recipients": [ADA], "smtpResponse": "250 ok"}),
        ("Reject", {"reason": "Bad content"}),
    ],
)
def test_anymail_reads_the_same_in_each_notification_of_ses(key: str, word: str, part: dict[str, Any]) -> None:
    told = {key: word, "mail": {"messageId": "1", "destination": [ADA]}, word.lower(): part}
    check(of_ses(told), theirs("amazon_ses", "AmazonSES", told), "ses", word)
