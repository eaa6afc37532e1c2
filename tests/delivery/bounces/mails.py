"""Mails that come back, made for tests: their forms are real, their words and addresses are ours."""

from collections.abc import Sequence

READER = "reader@example.com"
TOKEN = "abcdefghijklmnopqrstuvwxyz234567"
RETURN_PATH = f"bounce+{TOKEN}@news.example.org"
MESSAGE_ID = "copy-1@news.example.org"

RETURNED = f"""\
Return-Path: <{RETURN_PATH}>
From: Press <press@news.example.org>
To: {READER}
Subject: The week
Message-ID: <{MESSAGE_ID}>

Hello
"""

FAILED = f"""\
Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {READER}
Original-Recipient: rfc822;{READER}
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 5.1.1 <{READER}>: Recipient address rejected:
    User unknown
"""


def mail(*body: str, subject: str = "Undelivered Mail Returned to Sender", **headers: str) -> bytes:
    """A plain mail, from a mail system unless the headers say otherwise."""
    named = {
        "Return-Path": "<>",
        "From": "Mail Delivery System <MAILER-DAEMON@mx.example.net>",
        "To": RETURN_PATH,
        "Subject": subject,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\n" for name, value in named.items() if value)
    return (head + "\n" + "\n".join(body)).encode()


def report(status: str, words: str = "It was not delivered.", kind: str = "delivery-status", **headers: str) -> bytes:
    """A report for programs (RFC 3464), and the returned message."""
    parts = [("text/plain; charset=utf-8", words), (f"message/{kind}", status), ("message/rfc822", RETURNED)]
    return multipart(parts, "report; report-type=delivery-status", **headers)


def multipart(parts: Sequence[tuple[str, str]], kind: str = "mixed", **headers: str) -> bytes:
    """A mail of these parts, each with its type."""
    body = "".join(f"--=_b\nContent-Type: {type_}\n\n{text}\n" for type_, text in parts)
    return mail(body + "--=_b--\n", Content_Type=f'multipart/{kind}; boundary="=_b"', **headers)
