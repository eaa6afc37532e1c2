"""Taking mails apart, whatever they are made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.inbox.parse import parse_mail, read_headers

from .mails import GARBAGE, mail


@pytest.mark.parametrize("source", GARBAGE)
def test_garbage_is_read_as_far_as_it_goes(source: bytes) -> None:
    reading = parse_mail(source)
    said = [*reading.headers, *read_headers(source, "Subject"), reading.text, reading.html]
    names = [(part.name, part.content_type, part.content_id) for part in reading.parts]
    str((said, names)).encode("utf-8")


@given(st.lists(st.sampled_from(GARBAGE) | st.binary(max_size=60) | st.just(b"\r\n"), max_size=6))
def test_no_bytes_make_reading_raise(pieces: list[bytes]) -> None:
    test_garbage_is_read_as_far_as_it_goes(b"".join(pieces))


def test_both_bodies_are_read_in_their_own_charsets() -> None:
    message = mail(text=None)
    message.set_content("zażółć", charset="iso-8859-2")
    message.add_alternative("<p>Zoë</p>", subtype="html", charset="windows-1252")
    reading = parse_mail(bytes(message))
    assert (reading.text, reading.html) == ("zażółć\n", "<p>Zoë</p>\n")


def test_a_mail_without_one_body_says_so() -> None:
    assert parse_mail(bytes(mail(text="only"))).html is None
    assert parse_mail(bytes(mail(text=None, html="<p>only</p>"))).text is None


def test_an_attached_text_is_not_the_text() -> None:
    message = mail(text=None, html="<p>Hi</p>")
    message.add_attachment("notes", filename="notes.txt")
    reading = parse_mail(bytes(message))
    assert reading.text is None
    assert [part.name for part in reading.attachments] == ["notes.txt"]


def test_a_file_name_loses_its_path_and_its_line_breaks() -> None:
    source = b'Content-Disposition: attachment; filename="../../etc/pass\x07wd"\r\n\r\nx'
    assert parse_mail(source).parts[0].name == "passwd"


def test_encoded_words_are_read_where_they_belong_and_shown_raw_where_they_are_a_fault() -> None:
    source = b"Subject: =?utf-8?q?Ma=C5=82y?=\r\n krok\r\nList-Unsubscribe: =?utf-8?q?=3Chttps?=\r\n\r\n"
    assert parse_mail(source).headers == (("Subject", "Mały krok"), ("List-Unsubscribe", "=?utf-8?q?=3Chttps?="))


def test_of_two_subjects_the_first_counts() -> None:
    assert read_headers(b"Subject: one\r\nSUBJECT: two\r\n\r\n", "subject", "from") == ("one", "")
