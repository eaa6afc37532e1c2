import binascii
import email
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from peers import parsed

from newsletter.characters import as_line, as_text
from newsletter.delivery.message import compose, mime
from newsletter.delivery.message.content import LetterContent, SingleContent
from newsletter.delivery.message.merge import as_html
from newsletter.errors import Invalid
from newsletter.links import Links, LinksOfATest
from newsletter.tokens import TokenSeal

LINKS = Links("https://letters.example.org", TokenSeal(b"a secret for tests"))
DATE = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Copy:
    id: int = 7
    letter_id: int = 3
    subscription_id: int = 5
    address: str = "reader@example.org"
    name: str = "Ada"
    since: datetime | None = None
    source: str | None = None


def letter(**changes: object) -> LetterContent:
    fields = {
        "sender_name": "Back Pain Help",
        "sender_address": "desk@example.org",
        "reply_to": "ask@example.org",
        "list_id": "Back <back.example.org>",
        "feedback_id": "1:1:issue:backpain",
        "content_hash": "ab" * 32,
        "archive_url": "https://letters.example.org/archive/unwind/",
        "subject": "Unwind, {{ name | friend }}",
        "html": "<p>Hello {{ name | friend }}</p>\n<a href='{{ unsubscribe_url }}'>Leave</a>\n",
        "text": "Hello {{ name | friend }}\n.\n.dot\nFrom here to {{ preferences_url }} and {{ archive_url }}\n",
    }
    return LetterContent(**(fields | changes))


def single(**changes: object) -> SingleContent:
    fields = {
        "id": 4,
        "kind": "confirm",
        "created_at": DATE,
        "sender_name": "Back Pain Help",
        "sender_address": "desk@example.org",
        "reply_to": None,
        "address": "reader@example.org",
        "name": "Ada",
        "subject": "Please confirm – è",
        "html": "<p>Confirm</p>",
        "text": "Confirm",
        "unsubscribe_url": None,
        "message": None,
    }
    return SingleContent(**(fields | changes))


def plainly_built(copy: Copy) -> EmailMessage:
    """The same message, built by the standard library without any of our own encoding."""
    name = as_line(copy.name)
    message = EmailMessage(policy=policy.SMTP.clone(max_line_length=998))
    message["From"] = Address("Back Pain Help", addr_spec="desk@example.org")
    message["To"] = Address(name, addr_spec=copy.address)
    message["Subject"] = f"Unwind, {name or 'friend'}"
    message["Reply-To"] = "ask@example.org"
    message["List-Id"] = "Back <back.example.org>"
    message["List-Unsubscribe"] = f"<{LINKS.unsubscribe(5, 3)}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Feedback-ID"] = "1:1:issue:backpain"
    in_text = as_text(copy.name).strip() or "friend"
    in_html = as_html(copy.name).strip() or "friend"
    message.set_content(
        f"Hello {in_text}\n.\n.dot\n"
        f"From here to {LINKS.preferences(5)} and https://letters.example.org/archive/unwind/\n"
    )
    message.add_alternative(f"<p>Hello {in_html}</p>\n<a href='{LINKS.unsubscribe(5, 3)}'>Leave</a>\n", subtype="html")
    return message


def recipient(content: bytes) -> tuple[str, str]:
    """Name and address of the To; the newer parser puts a space between encoded words (RFC 2047, 6.2, says none)."""
    to = email.message_from_bytes(content, policy=policy.compat32)["To"]
    shown, address = parseaddr(to.replace("\r\n", ""))
    return str(make_header(decode_header(shown))), address


names = st.text(max_size=100)
local_parts = st.from_regex(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}){0,2}", fullmatch=True
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(names, local_parts)
def test_a_message_reads_as_one_built_by_the_standard_library(name: str, local: str) -> None:
    copy = Copy(name=name, address=f"{local}@example.org")
    sent, plain = compose.compile(letter(), LINKS).message(copy, DATE), plainly_built(copy).as_bytes()
    ours, theirs = parsed(sent), parsed(plain)
    for header in set(theirs.keys()) - {"Content-Type", "Content-Transfer-Encoding", "To"}:
        assert str(ours[header]) == str(theirs[header]), header
    assert recipient(sent) == recipient(plain)
    assert [part.get_content() for part in ours.iter_parts()] == [part.get_content() for part in theirs.iter_parts()]


@given(names, st.text(max_size=300), st.text(max_size=3000))
def test_whatever_is_written_no_line_is_too_long_and_all_is_7_bit(name: str, subject: str, body: str) -> None:
    frozen = letter(subject=subject.replace("{{", ""), html=body.replace("{{", ""), text=body.replace("{{", ""))
    frozen = _encodable(frozen)
    content = compose.compile(frozen, LINKS).message(Copy(name=name), DATE)
    assert content.isascii()
    assert content.endswith(b"\r\n")
    for line in content.split(b"\r\n"):
        assert len(line) <= 998
        assert not line.startswith(b".")
        assert b"\n" not in line
        assert b"\r" not in line


@given(st.text(alphabet=".=~ \n\ra" + "é", max_size=300))
def test_no_encoded_line_begins_with_a_dot_and_all_decodes_to_what_it_was(text: str) -> None:
    encoded = mime.quoted_printable(text)
    lines = encoded.split(b"\r\n")
    assert max(map(len, lines)) <= 76
    assert not any(line.startswith(b".") for line in lines)
    plain = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    assert binascii.a2b_qp(encoded).decode() == plain.replace("\n", "\r\n")


@given(st.text(alphabet=".=~ ab" + "é", max_size=400), st.text(alphabet=".=~ ab" + "é", max_size=400))
def test_pieces_are_encoded_one_by_one_and_decode_to_the_whole(first: str, second: str) -> None:
    encoded = mime.quoted_piece(first) + mime.quoted_piece(second) + b"\r\n"
    assert all(len(line) <= 76 and not line.startswith(b".") for line in encoded.split(b"\r\n"))
    assert binascii.a2b_qp(encoded).decode() == f"{first}{second}\r\n"


@given(st.text(alphabet=[*map(chr, range(32, 127))], max_size=400))
def test_what_needs_no_encoding_is_broken_just_where_the_encoder_breaks_it(text: str) -> None:
    """The encoder of the standard library, which keeps room at the end for what is written behind."""
    encoded = binascii.b2a_qp(text.encode() + b"~")[:-1] + b"=\n"
    assume(b"\n." not in b"\n" + encoded)
    assert mime.quoted_piece(text) == encoded.replace(b"\n", b"\r\n")


@given(st.one_of(st.text(max_size=40), st.text(alphabet="a .@&<=\"'", max_size=160)))
def test_a_plain_piece_is_what_the_value_is_in_text_and_in_html(value: str) -> None:
    if piece := mime.plain_piece(value):
        assert mime.quoted_piece(as_text(value).strip()) == mime.quoted_piece(as_html(value).strip()) == piece


@pytest.mark.parametrize("value", ["Ada", "Ada  King-Noel", "ada@reader.example", "https://letters.example.org/a/b_-1"])
def test_most_values_are_plain_pieces(value: str) -> None:
    assert mime.plain_piece(value)


def test_a_copy_of_a_nameless_reader_and_one_of_an_odd_name_read_as_written() -> None:
    template = compose.compile(letter(), LINKS)
    for name, in_text, in_html in [("", "friend", "friend"), ("R&D", "R&D", "R&amp;D"), ("Zoë  .", "Zoë  .", "Zoë  .")]:
        text, html = parsed(template.message(Copy(name=name), DATE)).iter_parts()
        assert text.get_content().startswith(f"Hello {in_text}\r\n")
        assert html.get_content().startswith(f"<p>Hello {in_html}</p>")


def _encodable(frozen: LetterContent) -> LetterContent:
    html, text = (part.encode("utf-8", "replace").decode() for part in (frozen.html, frozen.text))
    return replace(frozen, html=html, text=text)


def test_the_headers_are_those_of_the_contract_and_each_once() -> None:
    message = parsed(compose.compile(letter(), LINKS).message(Copy(), DATE))
    assert sorted(message.keys()) == sorted(
        [
            "From", "To", "Subject", "Date", "Message-ID", "Reply-To", "List-Id", "List-Unsubscribe",
            "List-Unsubscribe-Post", "Feedback-ID", "MIME-Version", "Content-Type",
        ]
    )  # fmt: skip
    assert message["Date"].datetime == DATE
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message.defects == []


def test_the_unsubscribe_link_is_neither_encoded_nor_folded() -> None:
    content = compose.compile(letter(), LINKS).message(Copy(), DATE)
    assert f"\r\nList-Unsubscribe: <{LINKS.unsubscribe(5, 3)}>\r\n".encode() in content


def test_an_address_that_unsubscribes_follows_where_mail_is_read() -> None:
    links = replace(LINKS, mail_domain="bounces.example.org")
    content = compose.compile(letter(), links).message(Copy(), DATE)
    https, mailto = (each.strip("<> ") for each in parsed(content)["List-Unsubscribe"].split(","))
    assert https == LINKS.unsubscribe(5, 3)
    local, _, rest = mailto.removeprefix("mailto:").partition("@")
    assert rest == "bounces.example.org?subject=unsubscribe"
    assert LINKS.seal.open_local_part("unsubscribe", local.removeprefix("unsubscribe+")) == (5, 3)
    assert LinksOfATest.from_links(links).unsubscribe_mailto(5, 3) == ""
    largest = links.unsubscribe_mailto(9_999_999_999, 99_999).removeprefix("mailto:").partition("@")[0]
    assert len(largest) == 64
    assert links.unsubscribe_mailto(10**18, 10**9) == "", "no address is too long for a mail server"


def test_the_message_id_is_the_copys_own_and_never_changes() -> None:
    template = compose.compile(letter(), LINKS)
    again = parsed(compose.compile(letter(), LINKS).message(Copy(), DATE.replace(year=2027)))
    first, other = (parsed(template.message(Copy(id=number), DATE)) for number in (7, 8))
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]


def test_a_name_cannot_add_a_header_or_a_tag() -> None:
    evil = Copy(name="Eve\r\nBcc: all@example.org\r\n\r\n<script>")
    message = parsed(compose.compile(letter(), LINKS).message(evil, DATE))
    assert message["Bcc"] is None
    assert "<script>" not in message.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@example.org",
        "a@",
        "a b@example.org",
        "a@b>",
        "a@example.org\r\nX: y",
        "a,b@example.org",
        "a@b@example.org",
        "a@\u2603.\u0000",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Invalid):
        mime.sendable(address)


def test_a_domain_goes_as_its_a_label() -> None:
    assert mime.sendable("info@straße.example") == "info@xn--strae-oqa.example"


def test_the_return_path_fits_a_local_part_however_large_the_number() -> None:
    template = compose.compile(letter(), LINKS)
    envelope = compose.envelope(template, Copy(id=2**63 - 1), "bounces.example.org")
    assert len(envelope.sender.partition("@")[0]) <= 64
    assert compose.envelope(template, Copy(), None).sender == "desk@example.org"


def test_a_single_letter_says_that_no_person_wrote_it() -> None:
    message = parsed(compose.transactional_message(single(), DATE))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Subject"] == "Please confirm – è"
    assert message["List-Unsubscribe"] is None
    left_by = single(unsubscribe_url="https://letters.example.org/unsubscribe/x")
    assert parsed(compose.transactional_message(left_by, DATE))["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


LONG = "🐝🐝 Wśród pszczół: żółte łąki, brzęczenie i 👩🏽‍🌾 dzień 🌼"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Subject", mime.encoded_subject(LONG)),
        ("From", mime.address_header(LONG, f"{'a' * 50}@example.org", "From")),
        ("To", mime.address_header("Zoë", "zoe@example.org", "To")),
        ("List-Id", mime.list_id(f"{LONG} <bees.example.org>")),
    ],
)
def test_no_line_with_an_encoded_word_is_longer_than_76_with_the_headers_name(name: str, value: str) -> None:
    lines = f"{name}: {value}".split("\r\n")
    assert all(len(line) <= 76 for line in lines)
    told = str(make_header(decode_header(value.replace("\r\n", ""))))
    assert told.startswith(LONG if name != "To" else "Zoë")


def test_a_single_letter_has_a_return_path_of_its_own() -> None:
    seal = TokenSeal(b"a secret for tests")
    envelope = compose.transactional_envelope(single(id=7), 99, seal, "bounces.example.org")
    local, _, domain = envelope.sender.partition("@")
    assert domain == "bounces.example.org"
    assert seal.open_local_part("post", local.removeprefix("bounce+")) == (7,)
    assert envelope.id == local.removeprefix("bounce+")
    assert len(local) <= 64


@pytest.mark.parametrize(
    ("kind", "told"),
    [("confirm", "0:0:confirm:exampleorg"), ("welcome", "0:0:welcome:exampleorg"), ("sign_in", None)],
)
def test_single_letters_to_readers_carry_a_feedback_id(kind: str, told: str | None) -> None:
    message = parsed(compose.transactional_message(single(kind=kind), DATE))
    assert message["Feedback-ID"] == told
