"""Composes messages: what the copies of a letter share is encoded once, and each copy fills in its merge fields."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self
from zoneinfo import ZoneInfo

from newsletter.characters import as_line, as_text
from newsletter.delivery.message import dkim, merge, mime, permission_reminder
from newsletter.delivery.message.content import PURPOSES, LetterContent, Purpose, SingleContent
from newsletter.delivery.message.dkim import SigningKey
from newsletter.delivery.message.dkim_keys import NO_KEYS, Keyring
from newsletter.delivery.smtp.protocol import DotStuffed, Envelope
from newsletter.links import Links
from newsletter.tokens import TokenSeal

FIELDS = frozenset({"name", "email", "why", "unsubscribe_url", "preferences_url", "archive_url", "comments_url"})
"""The merge fields of an issue."""

# Octets: the most in nearly every copy.
_HOLE = 120
_HEADERS = 2_000

_ONE_CLICK = "List-Unsubscribe-Post: List-Unsubscribe=One-Click"


class CopyFields(Protocol):
    """What a copy adds to its letter: its id, its reader and its tokens."""

    @property
    def id(self) -> int: ...
    @property
    def letter_id(self) -> int: ...
    @property
    def subscription_id(self) -> int: ...
    @property
    def address(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def since(self) -> datetime | None: ...
    @property
    def source(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class BodyPart:
    """A body part, encoded except for its merge fields; each field begins a line, so it can be encoded by itself."""

    pieces: tuple[bytes, ...]
    """The encoded pieces, with an empty one in place of each field."""
    holes: tuple[tuple[merge.Field, tuple[int, ...]], ...]
    """Each field with all its indexes in `pieces`, so that it is encoded once."""
    escape: Callable[[str], str]

    @classmethod
    def compile(cls, text: str, shared: Mapping[str, str], escape: Callable[[str], str]) -> Self:
        """Encode what all copies share; raises Invalid, naming it, for an unknown merge field."""
        template = merge.compile(text.rstrip("\r\n"), FIELDS).bind(shared, escape)
        pieces = tuple(mime.quoted_piece(piece) if piece else b"" for piece in template.texts)
        places: dict[merge.Field, tuple[int, ...]] = {}
        for place, field in template.holes:
            places[field] = (*places.get(field, ()), place)
        return cls((*pieces, b"\r\n"), tuple(places.items()), escape)

    @property
    def octets(self) -> int:
        """The approximate size of the filled part, in octets."""
        return sum(map(len, self.pieces)) + sum(_HOLE * len(places) for _, places in self.holes)

    def fill(self, values: Mapping[str, str], encoded: Mapping[str, bytes]) -> list[bytes]:
        """The part for one reader, quoted-printable, in pieces; `encoded` has those that every part holds alike."""
        pieces = list(self.pieces)
        for field, places in self.holes:
            piece = encoded.get(field.name) or mime.quoted_piece(field.fill(values, self.escape))
            for place in places:
                pieces[place] = piece
        return pieces


@dataclass(frozen=True, slots=True)
class MultipartFrame:
    """The multipart/alternative frame around a message's plain text and HTML (RFC 2046, 5.1.4)."""

    headers: tuple[str, ...]
    opening: bytes
    middle: bytes
    closing: bytes

    @classmethod
    def with_boundary(cls, boundary: str) -> Self:
        headers = ("MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"')
        return cls(headers, _heading(boundary, "plain"), _heading(boundary, "html"), f"\r\n--{boundary}--\r\n".encode())

    def around(self, text: Iterable[bytes], html: Iterable[bytes]) -> list[bytes]:
        """The whole body, in pieces like its parts."""
        return [self.opening, *text, self.middle, *html, self.closing]


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A compiled letter: everything that its copies share is encoded."""

    links: Links
    zone: ZoneInfo
    language: str
    sender_address: str
    archive_url: str
    leads_to_comments: bool
    """Whether each copy has a link by which its reader signs comments."""
    subject: merge.Template
    origin: bytes
    """The header lines before a copy's own ones; `shared` goes behind them."""
    shared: bytes
    text: BodyPart
    html: BodyPart
    frame: MultipartFrame
    keys: Collection[SigningKey]
    octets: int
    """The approximate size of a copy, for an envelope that goes before its message; RFC 1870, 5, allows an estimate."""

    def message(self, copy: CopyFields, date: datetime, sample: CopyFields | None = None) -> DotStuffed:
        """The message of a copy, with the fields of `sample` if it is a test; raises Invalid for an invalid address."""
        reader = sample or copy
        values = {
            "name": reader.name,
            "email": reader.address,
            "why": permission_reminder.reminder(reader.since, reader.source, self.zone, self.language),
            "unsubscribe_url": self.links.unsubscribe(copy.subscription_id, copy.letter_id),
            "preferences_url": self.links.preferences(copy.subscription_id),
        }
        if self.leads_to_comments:
            values["comments_url"] = self.links.comments(self.archive_url, copy.subscription_id)
        encoded = {name: mime.plain_piece(value) for name, value in values.items()}
        head = b"".join((self.origin, self._own(copy, values, date), self.shared))
        body = self.frame.around(self.text.fill(values, encoded), self.html.fill(values, encoded))
        # No header and no quoted line begins with a dot.
        return DotStuffed(_message(head, body, self.keys, date))

    def _own(self, copy: CopyFields, values: Mapping[str, str], date: datetime) -> bytes:
        return _head(
            f"To: {mime.address_header(copy.name, mime.sendable(copy.address), 'To')}",
            f"Subject: {mime.encoded_subject(self.subject.fill(values, as_line))}",
            f"Date: {mime.date_header(date)}",
            # Derived from the copy, not random: a copy that is sent again after a crash must have the same one.
            f"Message-ID: <{self.links.seal.seal('message', copy.id)}@{_domain(self.sender_address)}>",
            f"List-Unsubscribe: <{values['unsubscribe_url']}>{self._mailto(copy)}",
        )

    def _mailto(self, copy: CopyFields) -> str:
        url = self.links.unsubscribe_mailto(copy.subscription_id, copy.letter_id)
        return f",\r\n <{url}>" if url else ""


def compile(  # noqa: A001  (as `re.compile`)
    letter: LetterContent, links: Links, keyring: Keyring = NO_KEYS, headers: Sequence[str] = ()
) -> MessageTemplate:
    """Compile a letter, with these additional headers; raises Invalid, naming it, for an unknown merge field."""
    sender = mime.sendable(letter.sender_address)
    frame = MultipartFrame.with_boundary(f"=_{letter.content_hash[:32]}")
    values = {"archive_url": letter.archive_url}
    text = BodyPart.compile(letter.text, values, as_text)
    html = BodyPart.compile(letter.html, values, merge.as_html)
    return MessageTemplate(
        links=links,
        zone=ZoneInfo(letter.time_zone),
        language=letter.language,
        sender_address=sender,
        archive_url=letter.archive_url,
        leads_to_comments=any(field.name == "comments_url" for part in (text, html) for field, _ in part.holes),
        subject=merge.compile(letter.subject, FIELDS).bind(values, as_line),
        origin=_head(f"From: {mime.address_header(letter.sender_name, sender, 'From')}"),
        shared=_head(
            *_reply_to(letter.reply_to),
            f"List-Id: {mime.list_id(letter.list_id)}",
            _ONE_CLICK,
            f"Feedback-ID: {as_line(letter.feedback_id)}",
            *headers,
            *frame.headers,
        ),
        text=text,
        html=html,
        frame=frame,
        keys=keyring.for_address(sender),
        octets=text.octets + html.octets + _HEADERS,
    )


def transactional_message(post: SingleContent, date: datetime, keyring: Keyring = NO_KEYS) -> bytes:
    """The message of a single letter, without dot-stuffing; raises Invalid if its address is not valid."""
    sender = mime.sendable(post.sender_address)
    if post.message is not None:
        return _signed(post.message, keyring.for_address(sender), date)
    frame = MultipartFrame.with_boundary(f"=_{post.id}")
    head = _head(
        f"From: {mime.address_header(post.sender_name, sender, 'From')}",
        f"To: {mime.address_header(post.name, mime.sendable(post.address), 'To')}",
        f"Subject: {mime.encoded_subject(post.subject)}",
        f"Date: {mime.date_header(date)}",
        f"Message-ID: <{message_id(post)}>",
        *_reply_to(post.reply_to),
        *([f"List-Unsubscribe: <{post.unsubscribe_url}>", _ONE_CLICK] if post.unsubscribe_url else []),
        *_feedback_id(post.kind, sender),
        "Auto-Submitted: auto-generated",
        *frame.headers,
    )
    body = frame.around([mime.quoted_printable(post.text)], [mime.quoted_printable(post.html)])
    return _message(head, body, keyring.for_address(sender), date)


def message_id(post: SingleContent) -> str:
    """The Message-ID of a single letter, the same at each try."""
    return f"{post.created_at:%Y%m%d%H%M%S%f}.{post.id}@{_domain(mime.sendable(post.sender_address))}"


def envelope(template: MessageTemplate, copy: CopyFields, return_path_domain: str | None) -> Envelope:
    """The envelope of a copy; raises Invalid if its address is not valid."""
    to = mime.sendable(copy.address)
    if not return_path_domain:
        return Envelope(template.sender_address, to, template.octets)
    token = template.links.seal.seal_local_part("bounce", copy.id)
    # The id is the token in the return path: a plain number would reveal how many we send.
    return Envelope(_return_path(token, return_path_domain), to, template.octets, token)


def transactional_envelope(
    post: SingleContent, octets: int, seal: TokenSeal | None, return_path_domain: str | None
) -> Envelope:
    """The envelope of a single letter; raises Invalid if its address is not valid."""
    sender, to = mime.sendable(post.sender_address), mime.sendable(post.address)
    if not (seal and return_path_domain):
        return Envelope(sender, to, octets)
    token = seal.seal_local_part("post", post.id)
    return Envelope(_return_path(token, return_path_domain), to, octets, token)


def _return_path(token: str, domain: str) -> str:
    # At most 63 of the 64 octets that RFC 5321 (4.5.3.1.1) allows before the @.
    return f"bounce+{token}@{domain}"


def _signed(message: bytes, keys: Collection[SigningKey], date: datetime) -> bytes:
    head, _, body = message.partition(b"\r\n\r\n")
    return _message(head + b"\r\n", [body], keys, date)


def _message(head: bytes, body: Collection[bytes], keys: Collection[SigningKey], date: datetime) -> bytes:
    return b"".join((dkim.signatures(keys, head, body, date), head, b"\r\n", *body))


def _head(*lines: str) -> bytes:
    return ("\r\n".join(lines) + "\r\n").encode()


def _reply_to(address: str | None) -> list[str]:
    return [f"Reply-To: {mime.sendable(address)}"] if address else []


def _feedback_id(kind: str, sender: str) -> list[str]:
    """The Feedback-ID by which providers group complaints, one for a kind and a sender; none in mail to editors."""
    if PURPOSES.get(kind) is Purpose.TEAM:
        return []
    letters = "".join(each for each in _domain(sender) if each.isalnum())
    return [f"Feedback-ID: 0:0:{kind}:{letters[:15].ljust(5, '0')}"]


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _heading(boundary: str, kind: str) -> bytes:
    # Quoted-printable never holds "=_", so no text can contain the boundary (RFC 2045, 6.7).
    content = _head(f'Content-Type: text/{kind}; charset="utf-8"', "Content-Transfer-Encoding: quoted-printable")
    return b"".join((f"\r\n--{boundary}\r\n".encode(), content, b"\r\n"))
