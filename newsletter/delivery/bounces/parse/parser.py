"""Parse incoming mail: what it is, and whom it is about. Bytes in, one frozen value out; no database, no clock.

A report for programs (RFC 3464, 6533, 5965) takes precedence over the text for people, which `prose` reads.
Nothing in a mail can make this fail, and its memory does not grow with the mail.
"""

import io
from dataclasses import replace

from newsletter.delivery.bounces.parse import (
    arf,
    automatic,
    mime,
    notification,
    prose,
    recipients,
    returned_message,
)
from newsletter.delivery.bounces.parse.mail_view import MailView
from newsletter.delivery.bounces.parse.mime import ByteReader
from newsletter.delivery.bounces.report import Kind, Reason, Recipient, Report

_KIND_OF_ACTION = {
    "delayed": Kind.DELAY,
    **dict.fromkeys(("delivered", "relayed", "expanded"), Kind.DELIVERED),
}
_GRAVEST = (Kind.BOUNCE, Kind.DELAY, Kind.DELIVERED)


def parse(raw: bytes | ByteReader) -> Report:
    """What this mail is, and whom it is about; of a file only as much is kept as is needed."""
    view = MailView(mime.read_mail(io.BytesIO(raw) if isinstance(raw, bytes) else raw))
    found = _notification(view) or _complaint(view) or _status_report(view) or _automatic(view) or _bounce(view)
    return found or view.report(Kind.NOT_A_BOUNCE)


def _notification(view: MailView) -> Report | None:
    found = notification.read_notification(view.mail)
    if found is None:
        return None
    signed = returned_message.signed_in([found.return_path]) or view.signed_address
    return replace(found, return_path=signed)


def _complaint(view: MailView) -> Report | None:
    feedback = arf.read_feedback(view.mail, view.returned_headers)
    if feedback is None:
        return None
    kind = Kind.COMPLAINT if feedback.complains else Kind.UNSUBSCRIBE if feedback.leaves else Kind.NOT_A_BOUNCE
    return view.report(kind, *(Recipient(each, None, Reason.FEEDBACK) for each in feedback.recipients))


def _status_report(view: MailView) -> Report | None:
    named = recipients.distinct(filter(None, (recipients.of_status(view, each) for each in view.statuses)))
    if not named:
        return None
    if automatic.is_challenge_service(view.mail):
        return view.report(Kind.CHALLENGE, *named)
    kinds = [_KIND_OF_ACTION.get(each.action, Kind.BOUNCE) for each in named]
    return view.report(min(kinds, key=_GRAVEST.index), *named)


def _automatic(view: MailView) -> Report | None:
    # Whoever forwards an issue returns a header with an address to leave by, too.
    if automatic.is_unsubscribe(view.mail, view.text, returned_message.signed_addressee(view.mail)):
        return view.report(Kind.UNSUBSCRIBE)
    if view.is_delivery_notice:
        return None
    sender = [Recipient(each, None, Reason.VACATION) for each in prose.all_addresses(view.mail.header("from"))[:1]]
    if automatic.is_challenge(view.mail, view.text):
        return view.report(Kind.CHALLENGE, *sender)
    answered = automatic.is_auto_reply(view.mail, view.text) or view.is_from_nobody
    return view.report(Kind.AUTO_REPLY, *sender) if answered else None


def _bounce(view: MailView) -> Report | None:
    if not view.is_delivery_notice:
        return None
    action = "delayed" if view.is_delayed else "failed"
    found = [recipients.of_prose(view, each, action) for each in view.mentions]
    return view.report(_KIND_OF_ACTION.get(action, Kind.BOUNCE), *found)
