"""Bounces read: the median of ordinary ones, and the memory that one of 50 MB takes."""

import io
import tracemalloc

from bench.rows import Row, median_seconds
from newsletter.delivery.bounces.parse import parse

RETURNED = "From: press@example.org\nTo: a@example.com\nMessage-ID: <1@example.org>\n\n"
STATUS = "Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; a@example.com\nAction: failed\nStatus: 5.1.1\n"
NOTICE = "<a@example.com>: host mx.example.com said: 550 5.1.1 User unknown (in reply to RCPT TO command)\n"
HEAD = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: Undelivered Mail Returned to Sender\n"
TIMES = 50


def measure() -> Row:
    """Milliseconds a bounce, of those with a report for programs and those without."""
    mails = [_report(RETURNED + "A line of text.\n" * 300), f"{HEAD}\n{NOTICE}\n{RETURNED}".encode()]

    def act() -> None:
        for _ in range(TIMES):
            for mail in mails:
                parse(mail)

    milliseconds = median_seconds(act) / TIMES / len(mails) * 1000
    ours = f"{milliseconds:.2f} ms, 50 MB in {_megabytes():.0f} MB"
    return Row("a bounce read", ours, "–", None, "≤ 2 ms, ≤ 100 MB")


def _megabytes() -> float:
    large = io.BytesIO(_report(RETURNED + ("A" * 990 + "\n") * 51_000))
    tracemalloc.start()
    try:
        parse(large)
        return tracemalloc.get_traced_memory()[1] / 1_000_000
    finally:
        tracemalloc.stop()


def _report(returned: str) -> bytes:
    parts = (("text/plain", NOTICE), ("message/delivery-status", STATUS), ("message/rfc822", returned))
    body = "".join(f"--b\nContent-Type: {kind}\n\n{text}\n" for kind, text in parts)
    head = f"{HEAD}Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
    return f"{head}{body}--b--\n".encode()
