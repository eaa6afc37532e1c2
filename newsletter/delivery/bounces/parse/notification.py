"""Notifications of Amazon SES that SNS sends as mail: the message in JSON, bare or in SNS's envelope."""

from newsletter.delivery.bounces.notifications import ses
from newsletter.delivery.bounces.notifications.json_fields import read_leading_object
from newsletter.delivery.bounces.parse.mime import Mail
from newsletter.delivery.bounces.report import Report

# How sendmail breaks a line that is longer than SMTP allows.
_BREAK = "!\n "


def read_notification(mail: Mail) -> Report | None:
    """What SES says in this mail; None if it is no notification of SES."""
    text = next((part.text for part in mail.parts if not part.is_returned), "").lstrip()
    if not text.startswith("{"):
        return None
    message = read_leading_object(text.replace(_BREAK, ""))
    if "Message" in message.items:
        message = read_leading_object(message.exact("Message"))
    found = ses.read_message(message)
    return found.report if found.is_known else None
