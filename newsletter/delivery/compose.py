"""From a letter to the bytes of one copy: the shell is encoded once, and each copy fills its holes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from newsletter.delivery import merge, mime
from newsletter.delivery.models import Letter, Post
from newsletter.delivery.smtp import Envelope, Stuffed
from newsletter.links import Links

FIELDS = frozenset({"name", "email", "unsubscribe_url", "preferences_url", "archive_url"})
"""The merge fields of an issue."""

_ONE_CLICK = ["List-Unsubscribe-Post: List-Unsubscribe=One-Click"]


class Addressed(Protocol):
    """What a copy has that its letter has not."""

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


@dataclass(frozen=True, slots=True)
class Shell:
    """The octets that every copy shares, between those that are its own."""

    literals: tuple[bytes, ...]

    @classmethod
    def around(cls, *parts: bytes | None) -> Self:
        """A shell with a hole where a part is None."""
        literals = [b""]
        for part in parts:
            if part is None:
                literals.append(b"")
            else:
                literals[-1] += part
        return cls(tuple(literals))

    def fill(self, *holes: bytes) -> bytes:
        pieces = [self.literals[0]]
        for hole, literal in zip(holes, self.literals[1:], strict=True):
            pieces += hole, literal
        return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class Body:
    """A body part, encoded but for its holes; a hole begins a line of its own, so it needs no look at the rest."""

    pieces: tuple[bytes, ...]
    """The encoded literals, with an empty one where a hole is."""
    holes: tuple[tuple[int, merge.Field], ...]
    fields: frozenset[merge.Field]
    escape: Callable[[str], str]

    @classmethod
    def compile(cls, text: str, escape: Callable[[str], str]) -> Self:
        """Encode what every copy shares; Invalid names a merge field that there is not."""
        template = merge.compile(text.rstrip("\r\n"), FIELDS)
        pieces = tuple(mime.quoted_piece(piece) if piece else b"" for piece in template.texts)
        fields = frozenset(field for _, field in template.holes)
        return cls((*pieces, b"\r\n"), template.holes, fields, escape)

    def fill(self, values: Mapping[str, str]) -> bytes:
        """The part for one reader, quoted-printable."""
        pieces = list(self.pieces)
        # A field stands in several places of one mail; it is encoded once.
        encoded = {field: mime.quoted_piece(field.fill(values, self.escape)) for field in self.fields}
        for place, field in self.holes:
            pieces[place] = encoded[field]
        return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class Template:
    """A letter compiled: everything that its copies share is encoded already."""

    links: Links
    sender_address: str
    archive_url: str
    subject: merge.Template
    html: Body
    text: Body
    shell: Shell

    def message(self, copy: Addressed, date: datetime) -> Stuffed:
        """The copy as it goes over the wire; Invalid if its address is none."""
        address = mime.sendable(copy.address)
        unsubscribe_url = self.links.unsubscribe(copy.subscription_id, copy.letter_id)
        values = self._values(copy, unsubscribe_url)
        own = [
            f"To: {mime.mailbox(copy.name, address)}",
            f"Subject: {mime.words(self.subject.fill(values, merge.as_header))}",
            f"Date: {mime.moment(date)}",
            f"Message-ID: {self._message_id(copy)}",
            f"List-Unsubscribe: <{unsubscribe_url}>",
        ]
        # No header and no quoted line begins with a dot.
        return Stuffed(self.shell.fill(_head(own), self.text.fill(values), self.html.fill(values)))

    def _values(self, copy: Addressed, unsubscribe_url: str) -> dict[str, str]:
        return {
            "name": copy.name,
            "email": copy.address,
            "unsubscribe_url": unsubscribe_url,
            "preferences_url": self.links.preferences(copy.subscription_id),
            "archive_url": self.archive_url,
        }

    def _message_id(self, copy: Addressed) -> str:
        # Derived, never drawn: a copy that is sent again after a crash has to carry the same one.
        return f"<{self.links.seal.seal('message', copy.id)}@{self.sender_address.rpartition('@')[2]}>"


def compile(letter: Letter, links: Links) -> Template:  # noqa: A001  (read as `compose.compile`)
    """Encode what all copies share; Invalid names a merge field that there is not."""
    sender = mime.sendable(letter.sender_address)
    shared = [
        *_origin(letter.sender_name, sender, letter.reply_to),
        f"List-Id: {mime.list_id(letter.list_id)}",
        *_ONE_CLICK,
        f"Feedback-ID: {merge.as_header(letter.feedback_id)}",
    ]
    boundary = f"=_{letter.content_hash[:32]}"
    return Template(
        links=links,
        sender_address=sender,
        archive_url=letter.archive_url,
        subject=merge.compile(letter.subject, FIELDS),
        html=Body.compile(letter.html, merge.as_html),
        text=Body.compile(letter.text, merge.as_text),
        shell=_shell(shared, boundary, None, None, None),
    )


def single(post: Post, date: datetime) -> bytes:
    """A single letter as it goes over the wire, less dot-stuffing; Invalid if its address is none."""
    sender = mime.sendable(post.sender_address)
    head = [
        *_origin(post.sender_name, sender, post.reply_to),
        f"To: {mime.mailbox(post.name, mime.sendable(post.address))}",
        f"Subject: {mime.words(post.subject)}",
        f"Date: {mime.moment(date)}",
        f"Message-ID: <{post.created_at:%Y%m%d%H%M%S%f}.{post.id}@{sender.rpartition('@')[2]}>",
        *([f"List-Unsubscribe: <{post.unsubscribe_url}>", *_ONE_CLICK] if post.unsubscribe_url else []),
        "Auto-Submitted: auto-generated",
    ]
    # Quoted-printable never holds "=_", so no text can contain the boundary (RFC 2045, 6.7).
    parts = (mime.quoted_printable(post.text), mime.quoted_printable(post.html))
    return _shell(head, f"=_{post.id}", b"", *parts).fill()


def envelope(template: Template, copy: Addressed, return_path_domain: str | None, size: int) -> Envelope:
    """From whom and to whom the server is told a copy goes; Invalid if the address is none."""
    sender = template.sender_address
    if return_path_domain:
        # At most 63 of the 64 octets that RFC 5321 (4.5.3.1.1) allows before the @.
        sender = f"bounce+{template.links.seal.seal_local_part('bounce', copy.id)}@{return_path_domain}"
    return Envelope(sender, mime.sendable(copy.address), size)


def _origin(name: str, address: str, reply_to: str | None) -> list[str]:
    reply = [f"Reply-To: {mime.sendable(reply_to)}"] if reply_to else []
    return [f"From: {mime.mailbox(name, address)}", *reply]


def _head(lines: list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


def _shell(shared: list[str], boundary: str, own: bytes | None, text: bytes | None, html: bytes | None) -> Shell:
    multipart = ["MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"', ""]
    return Shell.around(
        _head(shared[:1]),
        own,
        _head(shared[1:] + multipart),
        _part(boundary, "plain"),
        text,
        _part(boundary, "html"),
        html,
        f"\r\n--{boundary}--\r\n".encode(),
    )


def _part(boundary: str, kind: str) -> bytes:
    head = [f'Content-Type: text/{kind}; charset="utf-8"', "Content-Transfer-Encoding: quoted-printable", ""]
    return f"\r\n--{boundary}\r\n".encode() + _head(head)
