"""What Amazon SES says of our mail: feedback notifications and event publishing, which differ by one key's name.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html and event-publishing-retrieving-sns-contents.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from newsletter.delivery.bounces.notifications.json_fields import Fields, address_in
from newsletter.delivery.bounces.notifications.outcomes import delayed, permanent, plain, soft, withheld
from newsletter.delivery.bounces.report import Kind, Reason, Recipient, Report

IGNORED = frozenset({"Send", "Open", "Click"})
"""SES's words for what is no outcome."""
_NO_COMPLAINT = frozenset({"not-spam", "auth-failure"})
_BY_SUBTYPE = {
    "MailboxFull": Reason.MAILBOX_FULL,
    "MessageTooLarge": Reason.EMAIL_TOO_LARGE,
    "ContentRejected": Reason.CONTENT,
    "AttachmentRejected": Reason.CONTENT,
}
"""Never for good, whatever the type; all but the first are about the message, never the reader."""
_WITHHELD = frozenset({"Suppressed", "OnAccountSuppressionList", "OnTenantSuppressionList"})
_DELAYS = {
    "MailboxFull": Reason.MAILBOX_FULL,
    "SpamDetected": Reason.SPAM,
    "IPFailure": Reason.BAD_REPUTATION,
    "RecipientServerError": Reason.SYSTEM,
    "TransientCommunicationFailure": Reason.NETWORK,
    "BYOIPHostNameLookupUnavailable": Reason.REQUIRE_PTR,
}


@dataclass(frozen=True, slots=True)
class Notification:
    """A message, read."""

    word: str
    """SES's word for what happened; empty if it is not a message of SES."""
    is_known: bool
    about: Fields
    """The object that describes what happened."""
    sent_id: str
    """The id under which SES sent the mail, which is not our Message-ID."""
    report: Report


def read_message(message: Fields) -> Notification:
    """What this message of SES says; in a report of no kind if its word is not known."""
    word = message.exact("eventType") or message.exact("notificationType")
    mail = message.inner("mail")
    read = _READERS.get(word)
    kind, about, recipients = read(message) if read else (Kind.NOT_A_BOUNCE, Fields({}), ())
    report = Report(kind, tuple(recipients), mail.address("source"), _message_id(mail))
    return Notification(word, read is not None, about, mail.exact("messageId"), report)


def bounced(bounce_type: str, subtype: str, address: str, words: str, status: str = "", mta: str = "") -> Recipient:
    """The recipient that SES's words for a bounce describe; Resend passes the same words on."""
    summary = " ".join(filter(None, (f"{bounce_type} {subtype}:", words)))
    if subtype in _WITHHELD:
        return withheld(address, f"not sent, {summary}")
    if bounce_type == "Permanent" and subtype not in _BY_SUBTYPE:
        return permanent(address, words or summary, status, mta=mta)
    return soft(
        address, words or summary, status, mta=mta, reason=_BY_SUBTYPE.get(subtype) or _transient(words, status)
    )


_Read = tuple[Kind, Fields, Sequence[Recipient]]


def _bounce(message: Fields) -> _Read:
    about = message.inner("bounce")
    types = about.text("bounceType"), about.text("bounceSubType")
    mta = about.text("remoteMtaIp")
    found = [
        bounced(
            *types, each.address("emailAddress"), _diagnostic(each.text("diagnosticCode")), each.text("status"), mta
        )
        for each in about.objects("bouncedRecipients")
    ]
    return Kind.BOUNCE, about, found


def _complaint(message: Fields) -> _Read:
    about = message.inner("complaint")
    feedback = about.text("complaintFeedbackType")
    kind = Kind.NOT_A_BOUNCE if feedback in _NO_COMPLAINT else Kind.COMPLAINT
    summary = " ".join(filter(None, (feedback, about.text("complaintSubType"))))
    addresses = [each.address("emailAddress") for each in about.objects("complainedRecipients")]
    return kind, about, [plain(kind, address, summary) for address in addresses]


def _delivery(message: Fields) -> _Read:
    about = message.inner("delivery")
    reply = about.text("smtpResponse")
    found = [plain(Kind.DELIVERED, address_in(each), reply) for each in about.texts("recipients")]
    return Kind.DELIVERED, about, found


def _delay(message: Fields) -> _Read:
    about = message.inner("deliveryDelay")
    reason = _DELAYS.get(about.text("delayType"))
    found = [
        delayed(
            soft(
                each.address("emailAddress"),
                _diagnostic(each.text("diagnosticCode")),
                each.text("status"),
                reason=reason,
            )
        )
        for each in about.objects("delayedRecipients")
    ]
    return Kind.DELAY, about, found


def _rejected(message: Fields) -> _Read:
    return Kind.BOUNCE, message.inner("reject"), _of_all(message, message.inner("reject").text("reason"), Reason.VIRUS)


def _not_rendered(message: Fields) -> _Read:
    error_message = message.inner("failure").text("errorMessage")
    return Kind.BOUNCE, message.inner("failure"), _of_all(message, error_message, Reason.SYNTAX)


def _preferences(message: Fields) -> _Read:
    about = message.inner("subscription")
    leaves = about.inner("newTopicPreferences").items.get("unsubscribeAll") is True
    kind = Kind.UNSUBSCRIBE if leaves else Kind.NOT_A_BOUNCE
    return kind, about, [plain(kind, address_in(each)) for each in message.inner("mail").texts("destination")]


_READERS: Mapping[str, Callable[[Fields], _Read]] = {
    "Bounce": _bounce,
    "Complaint": _complaint,
    "Delivery": _delivery,
    "DeliveryDelay": _delay,
    "Reject": _rejected,
    "Rendering Failure": _not_rendered,
    "Subscription": _preferences,
}


def _of_all(message: Fields, error_message: str, reason: Reason) -> list[Recipient]:
    return [soft(address_in(each), error_message, reason=reason) for each in message.inner("mail").texts("destination")]


def _transient(words: str, status: str) -> Reason | None:
    # SES gives up after half a day, and calls a domain that it does not find 5.4.4: the DNS has the last word on it.
    known = {"4.4.7": Reason.EXPIRED, "5.4.4": Reason.HOST_UNKNOWN}
    return known.get(status) or next((known[each] for each in known if f" {each} " in f" {words} "), None)


def _diagnostic(code: str) -> str:
    """The server's words, without the type that a report puts before them (RFC 3464, 2.3.6)."""
    return code.partition(";")[2].strip() if code.lower().startswith("smtp;") else code


def _message_id(mail: Fields) -> str:
    """The Message-ID that we gave it: SES replaces it by one of its own, but reports ours among the headers."""
    names = [one.text("value") for one in mail.objects("headers") if one.text("name").lower() == "message-id"]
    return (names[0] if names else mail.inner("commonHeaders").text("messageId")).strip("<> ")
