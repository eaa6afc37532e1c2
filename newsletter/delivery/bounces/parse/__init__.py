"""Incoming mail, read: what it is, and whom it is about. Bytes in, one frozen value out; no database, no clock.

A report for programs (RFC 3464, 6533, 5965) is believed before what is written for people, which `prose` reads.
Nothing in a mail can make this fail, and its memory does not grow with the mail.
"""

import io

from newsletter.delivery.bounces.parse import arf, automatic, dsn, mime, prose, recipients
from newsletter.delivery.bounces.parse.mime import ByteReader
from newsletter.delivery.bounces.parse.reading import Reading
from newsletter.delivery.bounces.report import Kind, Reason, Recipient, Report

_KINDS = {"delayed": Kind.DELAY, "delivered": Kind.DELIVERED, "relayed": Kind.DELIVERED, "expanded": Kind.DELIVERED}
_GRAVEST = (Kind.BOUNCE, Kind.DELAY, Kind.DELIVERED)


def parse(raw: bytes | ByteReader) -> Report:
    """What this mail is, and whom it is about; of a file only as much is kept as is needed."""
    mail = Reading(mime.read_mail(io.BytesIO(raw) if isinstance(raw, bytes) else raw))
    return _complaint(mail) or _status_report(mail) or _automatic(mail) or _bounce(mail) or mail.tell(Kind.NOT_A_BOUNCE)


def _complaint(mail: Reading) -> Report | None:
    feedback = arf.read_feedback(mail.mail, mail.returned)
    if feedback is None:
        return None
    kind = Kind.COMPLAINT if feedback.complains else Kind.UNSUBSCRIBE if feedback.leaves else Kind.NOT_A_BOUNCE
    return mail.tell(kind, *(Recipient(each, None, Reason.FEEDBACK) for each in feedback.recipients))


def _status_report(mail: Reading) -> Report | None:
    parts = [part for part in mail.mail.parts if dsn.is_status(part)]
    # One that a gateway passes on whole counts as well, but not one that a person does.
    own = [part for part in parts if not part.returned] or (parts if mail.is_bounce else [])
    found = [recipients.of_status(mail, each) for part in own for each in dsn.read_statuses(part)]
    named = [each for each in found if each is not None]
    if not named:
        return None
    if automatic.is_challenge_service(mail.mail):
        return mail.tell(Kind.CHALLENGE, *named)
    return mail.tell(min((_KINDS.get(each.action, Kind.BOUNCE) for each in named), key=_GRAVEST.index), *named)


def _automatic(mail: Reading) -> Report | None:
    if automatic.is_unsubscribe(mail.mail, mail.text, mail.return_path):
        return mail.tell(Kind.UNSUBSCRIBE)
    if mail.is_bounce:
        return None
    sender = [Recipient(each, None, Reason.VACATION) for each in prose.all_addresses(mail.mail.header("from"))[:1]]
    if automatic.is_challenge(mail.mail, mail.text):
        return mail.tell(Kind.CHALLENGE, *sender)
    answered = automatic.is_auto_reply(mail.mail, mail.text) or mail.is_from_nobody
    return mail.tell(Kind.AUTO_REPLY, *sender) if answered else None


def _bounce(mail: Reading) -> Report | None:
    if not mail.is_bounce:
        return None
    action = "delayed" if mail.is_delayed else "failed"
    found = [recipients.of_prose(mail, each, action) for each in mail.told]
    return mail.tell(_KINDS.get(action, Kind.BOUNCE), *found)
