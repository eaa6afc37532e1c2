"""No mail makes the reader fail, and none takes more memory than it may."""

import base64
import io
import random
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.delivery.bounces.parse import mime, parse
from newsletter.delivery.bounces.report import Hardness, Kind
from tests.delivery.bounces.mails import FAILED, READER, RETURNED, mail, multipart, report


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2000))
def test_junk_is_no_bounce_and_no_fault(junk: bytes) -> None:
    parse(junk)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_a_bounce_with_wrong_bytes_in_it_is_no_fault(seed: int, wrong: int) -> None:
    chance, raw = random.Random(seed), bytearray(report(FAILED))  # noqa: S311
    for _ in range(wrong):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    parse(bytes(raw))


def test_a_bounce_may_be_cut_off_anywhere() -> None:
    whole = report(FAILED)
    kinds = [parse(whole[:end]).kind for end in range(len(whole))]
    # Once the report itself is there, nothing after it matters.
    assert set(kinds[whole.index(b"User unknown") + 20 :]) == {Kind.BOUNCE}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n\n",
        b"\0" * 1000,
        b"Subject: =?no-such?B?////?= =?utf-8?Q?=ZZ?=\n\n",
        b"Content-Type: text/plain; charset=unicode_escape\n\n\\x",
        b"Content-Type: text/plain; charset=punycode\n\n" + b"a-" * 40_000,
        b"Content-Type: multipart/mixed; boundary=\n\n--\n--\n",
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n" * 5000,
        b"Content-Type: text/html\n\n" + b"<" * 50_000,
        b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!!A",
        b"X: " + b"y" * 10_000_000 + b"\n\nbody",
        b"\n".join(b"H%d: x" % number for number in range(20_000)) + b"\n\nbody",
    ],
    ids=lambda raw: f"{len(raw)}-{raw[:40]!r}",
)
def test_what_is_malformed_is_no_bounce(raw: bytes) -> None:
    assert parse(raw).kind is Kind.NOT_A_BOUNCE


def test_a_bounce_of_500_nested_parts_is_still_read() -> None:
    inner = f"Content-Type: message/delivery-status\n\n{FAILED}\n"
    for depth in range(500):
        inner = f'Content-Type: multipart/mixed; boundary="b{depth}"\n\n--b{depth}\n{inner}\n--b{depth}--\n'
    head = "Return-Path: <>\nFrom: MAILER-DAEMON@example.net\nSubject: Undeliverable\n"
    assert parse((head + inner).encode()).kind is Kind.BOUNCE


def test_parts_in_base64_are_read() -> None:
    encoded = base64.encodebytes(FAILED.encode()).decode()
    raw = multipart([("message/delivery-status\nContent-Transfer-Encoding: base64", encoded)], "report")
    assert parse(raw).recipients[0].address == READER


@pytest.mark.slow
def test_a_bounce_of_50_megabytes_takes_little_memory() -> None:
    attachment = "A" * 990 + "\n"
    raw = multipart([("message/delivery-status", FAILED), ("message/rfc822", RETURNED + attachment * 51_000)], "report")
    tracemalloc.start()
    try:
        told = parse(io.BytesIO(raw))
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert (len(raw) > 50_000_000, told.kind) == (True, Kind.BOUNCE)


def test_a_footer_in_plain_text_does_not_hide_a_notice_in_html() -> None:
    told = f"<p>Delivery to {READER} failed:</p><p>550 5.1.1 <b>User unknown</b> (in reply to RCPT TO command)</p>"
    read = parse(multipart([("text/html", told), ("text/plain", "This message was scanned for viruses.")]))
    assert [(each.address, each.hardness) for each in read.recipients] == [(READER, Hardness.HARD)]


def test_a_mark_at_the_beginning_of_a_file_hides_no_header() -> None:
    assert parse(b"\xef\xbb\xbf" + report(FAILED)) == parse(report(FAILED))


def test_encoded_words_and_html_become_text() -> None:
    raw = mail(
        "<p>Fran&ccedil;ois<br>hier</p><style>no</style>", subject="=?iso-8859-1?Q?Fran=E7ois?= =?utf-8?B?IQ==?="
    )
    read = mime.read_mail(io.BytesIO(raw.replace(b"\n\n", b"\nContent-Type: text/html\n\n", 1)))
    assert read.header("subject") == "François!"
    assert read.parts[0].text.split() == ["François", "hier"]


HOSTILE = [
    b"a@",
    b" ",
    b"- ",
    b"<!--",
    b"<a@b.c> ",
    b"\n",
    b">\n",
    b"original message ",
    b"re: ",
    b"unsubscribe me ",
    b"a.-",
    b"fail ",
    b"temporar",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_repetition_takes_long(piece: bytes) -> None:
    text = piece * (60_000 // len(piece))
    for head in (b"", b"From: MAILER-DAEMON@example.net\n", b"Content-Type: text/html\n"):
        began = time.process_time()
        parse(head + b"Subject: " + text.replace(b"\n", b" ") + b"\n\n" + text)
        assert time.process_time() - began < 2


@pytest.mark.parametrize("unit", ["a@a.", "..a@", "a@.-", "a@.a"])
def test_no_subject_takes_long(unit: str) -> None:
    began = time.process_time()
    parse(mail("x", subject=f"unsubscribe {unit * 15}!x", From="a@example.com"))
    assert time.process_time() - began < 1


@pytest.mark.parametrize("field", ["Original-Rcpt-To", "Removal-Recipient"])
def test_no_field_of_a_report_takes_long(field: str) -> None:
    began = time.process_time()
    parse(multipart([("message/feedback-report", f"{field}: {'a@' * 2_000}\n" * 16)], "report"))
    assert time.process_time() - began < 1


def test_a_part_that_has_a_header_of_its_own_is_the_returned_message() -> None:
    returned = f"Received: from mx\nFrom: press@x.org\nTo: {READER}\nSubject: Hi\n\n550 5.1.1 User unknown"
    raw = mail(
        f"--b\n\n{READER} [something went wrong]\n--b\n{returned}\n--b--\n", Content_Type="multipart/mixed; boundary=b"
    )
    assert parse(raw).recipients[0].hardness is Hardness.SOFT
