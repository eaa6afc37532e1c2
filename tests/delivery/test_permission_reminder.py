import quopri
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from test_compose import LINKS, letter

from newsletter.delivery.ledger import ClaimedCopy
from newsletter.delivery.message import compose, permission_reminder

WARSAW = ZoneInfo("Europe/Warsaw")
LATE = datetime(2026, 5, 3, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "source", "words"),
    [
        (LATE, None, "you confirmed your subscription on 4 May 2026"),
        (LATE, "the old list", "your subscription was moved here from “the old list” on 4 May 2026"),
        (None, None, "this address is on the list"),
    ],
)
def test_each_reader_is_told_how_they_came_on_the_day_of_the_publication(since, source, words: str) -> None:
    assert permission_reminder.reminder(since, source, WARSAW) == words


def test_the_words_of_an_import_are_data_in_both_parts_and_end_no_header() -> None:
    source = "list <b>A</b> & {{ name }} [x](http://evil.example)\r\nBcc: eve@example.org \u202egro"
    made = letter(html="<p>{{ why }}</p>", text="{{ why }}\n", time_zone="Europe/Warsaw")
    copy = ClaimedCopy(1, 1, 7, "ada@reader.example", "Ada", 0, source, LATE)
    message = bytes(compose.compile(made, LINKS).message(copy, LATE)).replace(b"=\r\n", b"")
    assert b"list &lt;b&gt;A&lt;/b&gt; &amp; {{ name }} [x](http://evil.example) Bcc: eve" in message
    assert b"\r\nBcc:" not in message
    assert "\u202e".encode().hex("=", 1).upper().encode() not in message
    assert b"on 4 May 2026" in message


def test_a_copy_of_a_german_letter_says_why_in_german() -> None:
    made = letter(html="<p>{{ why }}</p>", text="{{ why }}\n", time_zone="Europe/Warsaw", language="de")
    copy = ClaimedCopy(1, 1, 7, "ada@reader.example", "Ada", 0, None, LATE)
    message = bytes(compose.compile(made, LINKS).message(copy, LATE)).replace(b"=\r\n", b"")
    assert "Sie Ihr Abonnement am 4. Mai 2026 bestätigt haben" in quopri.decodestring(message).decode()
