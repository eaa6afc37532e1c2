"""Mails to test with, good and bad."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage

from newsletter.inbox.store import Mail

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
Put = Callable[..., Mail]

GARBAGE = [
    b"",
    b"\r\n",
    b"\x00\xff\xfe" * 400,
    b"Subject\r\n\r\n",
    b"Subject: =?utf-8?b?!!!?= =?no-such?q?x?=\r\n\r\nbody",
    b"Subject: =?utf-7?q?+2AA-?=\r\n\r\nhalf a character",
    b"Content-Type: text/html; charset=unicode_escape\r\n\r\n\\ud800",
    b"Content-Type: ;;;=\xff\r\nContent-Disposition: ;\r\n\r\nx",
    b"Content-Type: text/pl\xff\r\nContent-ID: <\xff>\r\n\r\nx",
    b"Content-Type: multipart/mixed\r\n\r\nno boundary",
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n--x--\r\n--x",
    b"Content-Type: text/plain; charset=hex\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%",
    b"Content-Disposition: attachment; filename*0*=nope'x'%ff; filename*1=\r\n\r\nx",
    b"Content-Disposition: attachment; filename*=utf-7''%2B2AA-\r\n\r\nx",
    b"Content-Type: message/rfc822\r\n\r\n" * 300,
]


def mail(subject: str = "Confirm", text: str | None = "Hello", html: str | None = None) -> EmailMessage:
    """A mail with either body, or both."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Press <press@example.org>", "ana@example.org", subject
    if text is not None:
        message.set_content(text)
        if html is not None:
            message.add_alternative(html, subtype="html")
    elif html is not None:
        message.set_content(html, subtype="html")
    return message
