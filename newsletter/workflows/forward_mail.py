"""Forward what a person wrote to an address of ours to the publication's reply address, as an attachment.

The mail around it is from our own address and asks for no automatic answer (RFC 3834). What could be a loop, or is more
than a person writes, is kept instead.
"""

import base64
import hashlib
import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy

import structlog
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.addresses import mailboxes
from newsletter.characters import as_line
from newsletter.delivery.bounces.intake import reader_mails
from newsletter.delivery.bounces.intake.incoming import IncomingMail
from newsletter.delivery.bounces.intake.reader_mails import ReaderMail
from newsletter.delivery.bounces.parse import mime as incoming_mime
from newsletter.delivery.bounces.parse import prose
from newsletter.delivery.bounces.parse.mime import Mail
from newsletter.delivery.message import compose, mime
from newsletter.delivery.models import Letter, OutboxMessage
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee, Composed
from newsletter.errors import Invalid
from newsletter.publications import Publication

KIND = outbox.FORWARDED
A_DAY_OF_ONE = 5
A_DAY_OF_ALL = 100
"""How many are forwarded in a day, of one sender and of all; the others are kept."""
_A_DAY = timedelta(days=1)
_MOST_HOPS = 25
_SUBJECT = "Mail from a reader"
_LONGEST_SUBJECT = 150
_LONGEST_LINE = 998
_MARK = "X-Newsletter-Forwarded"

log = structlog.get_logger(__name__)


def forward(
    session: Session,
    mail: IncomingMail,
    letter_id: int | None,
    is_read_here: Callable[[str], bool],
    now: datetime,
    kept_because: str = "",
) -> bool:
    """Forward a mail that was read and recorded, or keep it; whether it went. The caller commits.

    `letter_id` is the letter that it answers, if that is known; `is_read_here` tells whose mail comes back here;
    `kept_because` is why it only is to be kept.
    """
    read = incoming_mime.read_mail(io.BytesIO(bytes(mail.head)))
    publication = _publication(session, read, letter_id)
    if publication is None:
        log.info("a mail came before there was a publication to forward it to")
        return False
    sender = next(iter(prose.all_addresses(read.header("from"))), "")
    target = publication.reply_to or publication.sender_address
    key = mailboxes.mailbox_key(sender)[:254] if sender else ""
    why = kept_because or _loop(read, sender, publication) or ("loop" if is_read_here(sender) else "")
    why = why or ("no other address" if is_read_here(target) else "") or _too_many(session, key, now)
    session.add(
        ReaderMail(source=mail.source_id, key=key, publication_id=publication.id, received_at=now, kept_because=why)
    )
    log.info("a reader's mail came", forwarded=not why, why=why)
    if not why:
        _post(session, mail, read, publication, sender, now)
    return not why


def _publication(session: Session, read: Mail, letter_id: int | None) -> Publication | None:
    letter = session.get(Letter, letter_id) if letter_id else None
    if letter:
        return session.get_one(Publication, letter.publication_id)
    to = {each.lower() for name in ("delivered-to", "to", "cc") for each in prose.all_addresses(read.header(name))}
    all_of_them = session.scalars(publications.all_publications()).all()
    addressed = (one for one in all_of_them if {one.sender_address.lower(), (one.reply_to or "").lower()} & to)
    return next(addressed, next(iter(all_of_them), None))


def _loop(read: Mail, sender: str, publication: Publication) -> str:
    """Why it was probably not written by a person; empty if it was."""
    automatic = (read.header("auto-submitted") or "no").partition(";")[0].strip().lower()
    ours = {publication.sender_address.lower(), (publication.reply_to or "").lower()}
    if _MARK.lower() in read.headers or len(read.headers.get("received", ())) > _MOST_HOPS:
        return "loop"
    if automatic != "no" or read.header("precedence").lower() in {"bulk", "junk", "list"} or "list-id" in read.headers:
        return "automatic"
    # Reports of any kind (RFC 6522), and those of DMARC, which are none by their type (RFC 9990, 4.1).
    if read.report or read.header("subject").lower().startswith("report domain:"):
        return "automatic"
    if read.header("return-path").strip() == "<>" or not sender:
        return "no sender"
    return "loop" if sender.lower() in ours else ""


def _too_many(session: Session, key: str, now: datetime) -> str:
    if reader_mails.count_forwarded(session, now - _A_DAY, key) >= A_DAY_OF_ONE:
        return "too many of one sender"
    return "too many" if reader_mails.count_forwarded(session, now - _A_DAY) >= A_DAY_OF_ALL else ""


def _post(
    session: Session, mail: IncomingMail, read: Mail, publication: Publication, sender: str, now: datetime
) -> None:
    to = publication.reply_to or publication.sender_address
    # What they wrote is in the message alone, which the outbox keeps no longer than it has to.
    post_id = outbox.post(session, publication, Addressee(to), Composed(KIND, _SUBJECT, "", ""), now, reply_to=sender)
    post = session.get_one(OutboxMessage, post_id)
    subject = f"{_SUBJECT}: {as_line(read.header('subject'))[:_LONGEST_SUBJECT] or '(no subject)'}"
    post.message = _message(post, subject, mail, sender, publication.name)


def _message(post: OutboxMessage, subject: str, mail: IncomingMail, sender: str, publication: str) -> bytes:
    """A mail of two parts: what it is, and the mail itself as it came."""
    boundary = f"=_{hashlib.sha256(bytes(mail.head)).hexdigest()[:40]}"
    head = [
        f"From: {mime.address_header(post.sender_name, mime.sendable(post.sender_address), 'From')}",
        f"To: {mime.address_header('', mime.sendable(post.address), 'To')}",
        f"Subject: {mime.encoded_subject(subject)}",
        f"Date: {mime.date_header(post.created_at)}",
        f"Message-ID: <{compose.message_id(post.content)}>",
        *_reply_to(sender),
        "Auto-Submitted: auto-generated",
        f"{_MARK}: yes",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
        "",
        f"--{boundary}",
        'Content-Type: text/plain; charset="utf-8"',
        "Content-Transfer-Encoding: quoted-printable",
        "",
    ]
    text = mime.quoted_printable(_note(mail, sender, publication))
    attached = _attachment(bytes(mail.head)) if mail.is_whole else b""
    opening = f"\r\n--{boundary}\r\n".encode() if attached else b""
    return b"".join(("\r\n".join(head).encode(), b"\r\n", text, opening, attached, f"\r\n--{boundary}--\r\n".encode()))


def _note(mail: IncomingMail, sender: str, publication: str) -> str:
    if mail.is_whole:
        rest = "Their mail is attached as it came in. To answer them, reply to this email."
    else:
        rest = (
            "Their mail is too large to be attached. Its beginning is kept for 90 days; all of it is still in the "
            "mailbox, if it came from one. To ask them for it in a smaller form, reply to this email."
        )
    return f"{sender} wrote to an address that {publication} sends from. {rest}\n"


def _reply_to(sender: str) -> list[str]:
    try:
        return [f"Reply-To: {mime.sendable(sender)}"]
    except Invalid:
        return []


def _attachment(raw: bytes) -> bytes:
    """The mail as a part that any server takes: whole, in seven bits and short lines, or else encoded as a file."""
    content = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
    if not _is_plain(content):
        content = _in_seven_bits(raw)
    if _is_plain(content):
        return b"Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n" + content
    # No transfer encoding is allowed for message/rfc822 (RFC 2046, 5.2.1).
    head = b'Content-Type: application/octet-stream; name="mail.eml"\r\nContent-Transfer-Encoding: base64\r\n'
    encoded = base64.encodebytes(raw).replace(b"\n", b"\r\n").rstrip() + b"\r\n"
    return head + b'Content-Disposition: attachment; filename="mail.eml"\r\n\r\n' + encoded


def _is_plain(content: bytes) -> bool:
    short = all(len(line) <= _LONGEST_LINE for line in content.split(b"\r\n"))
    return bool(content) and short and content.isascii() and b"\0" not in content


def _in_seven_bits(raw: bytes) -> bytes:
    try:
        return message_from_bytes(raw).as_bytes(policy=policy.compat32.clone(cte_type="7bit", linesep="\r\n"))
    except Exception:
        # A mail may be broken in any way; the other form can hold it.
        log.info("a reader's mail is attached as a file, because it cannot be read")
        return b""
