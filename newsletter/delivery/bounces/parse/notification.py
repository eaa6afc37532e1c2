"""Notifications of Amazon SES that SNS sends as mail: the message in JSON, bare or in SNS's envelope."""

from newsletter.delivery.bounces.notifications import ses
from newsletter.delivery.bounces.notifications.json_fields import Fields, Unreadable, read_leading_object
from newsletter.delivery.bounces.parse.mime import Mail
from newsletter.delivery.bounces.report import Report

# How sendmail breaks a line that is longer than SMTP allows.
_BREAK = "!\n "


def read_notification(mail: Mail) -> Report | None:
    """What SES says in this mail; None if it is no notification of its."""
    text = next((part.text for part in mail.parts if not part.is_returned), "").lstrip()
    if not text.startswith("{"):
        return None
    message = _object_in(text.replace(_BREAK, ""))
    found = ses.read_message(_object_in(message.exact("Message")) if "Message" in message.items else message)
    return found.report if found.is_known else None


def _object_in(text: str) -> Fields:
    try:
        return read_leading_object(text)
    except Unreadable:
        return Fields({})
