"""The message that is sent back: whose copy it was, and where the returned part of a plain mail begins."""

import re
from collections.abc import Iterable

from newsletter.delivery.bounces.parse import mime
from newsletter.delivery.bounces.parse.mime import Headers, Mail
from newsletter.delivery.bounces.parse.signs import any_of

# What our messages come back to; see `compose`. The token is in one letter case, base 32.
_SIGNED = re.compile(r"\b(?:bounce|unsubscribe)\+[a-z2-7]{16,60}@[\w.-]+\w", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<([^<>\s]+@[^<>\s]+)>")

_TO_US = ("to", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-rcpt-to", "x-delivered-to", "cc")
_IN_IT = ("return-path", "errors-to", "x-envelope-from", "sender", "list-unsubscribe")

_MARKS = any_of(
    r"""
    -{2,}\s*(?:original|unsent|returned|rejected|undelivered|failed) (?:message|mail)
    -+\s*(?:message header|the (?:header|text|body) of (?:the|your) (?:original|message)|headers? follow)
    -*\s*this is a copy of (?:the|your) message
    -*\s*below this line is (?:a copy|the original)
    -*\s*enclosed is a copy|included is a copy of|below is a copy of
    -*\s*(?:your )?(?:original|undelivered|returned|unsent) (?:message|mail) (?:text )?(?:follows|headers|begins)
    -*\s*(?:your )?(?:original|undelivered|returned|unsent) (?:message|mail) is attached
    -*\s*(?:the )?(?:text|copy|headers?|body|first \d+ lines) of (?:the|your) (?:original|message)\b.*(?:follow|below|:)
    -*\s*(?:original|full|returned|failed|rejected) (?:message|mail) (?:header|text|detail|body|info)?\w*\s*:?\s*-*$
    -+\s*(?:start of|begin) .{0,30}(?:message|header)
    -*\s*message (?:headers?|text|body) follows?
    -*\s*(?:unsent|returned|undeliverable|original|rejected) (?:message|mail) (?:below|follows|attached|is below)
    \[? *(?:original|rejected|returned) message (?:omitted|not included)
    (?:your|the) message:$|message (?:body|text):$
    received: ?(?:from|by|\(qmail) .{3,}
    return-path: *<
    x-originating-ip:
    """
)
_SUBJECT = re.compile(
    r"^[^\w\n]{0,20}(?:(?:the )?(?:message |original )?subject(?: of the message)?(?: is| was)?"
    r"|betreff|objet|asunto|oggetto|assunto|件名) *:.*$",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_LINE = re.compile(r"(?:received|return-path|from|to|date|message-id|subject|mime-version):", re.IGNORECASE)
_OF_EACH_MESSAGE = frozenset({"from:", "to:", "subject:"})
_OF_A_HEADER = 8
"""Lines of a header among which they stand."""
_LINES = 400
_LONGEST_LINE = 200


def divide(text: str) -> tuple[str, str]:
    """A plain mail's own text, and the message that it returns below."""
    lines = text.split("\n")
    # A header above the first address is a summary: what happened stands below it.
    named = next((at for at, line in enumerate(lines) if "@" in line), len(lines))
    begins = (at for at, line in enumerate(lines) if _is_mark(line) or (at > named and _is_header(lines, at)))
    begin = next(begins, len(lines))
    return "\n".join(lines[:begin]), "\n".join(lines[begin:])


def _is_mark(line: str) -> bool:
    # Each stands at the beginning of a line, behind dashes or signs of quoting.
    return bool(_MARKS.match(line[:_LONGEST_LINE].lower().strip().lstrip(">*=_| ")))


def _is_header(lines: list[str], at: int) -> bool:
    """Whether a message's header begins at this line."""
    if not _HEADER_LINE.match(lines[at].removeprefix("> ")):
        return False
    fields = (_HEADER_LINE.match(line.removeprefix("> ")) for line in lines[at : at + _OF_A_HEADER])
    return _OF_EACH_MESSAGE.issubset(found[0].lower() for found in fields if found)


def without_subject(text: str) -> str:
    """The text without lines that name the subject of the returned message."""
    return _SUBJECT.sub("", text)


def headers_in(text: str) -> Headers:
    """The header of a message quoted in the text."""
    lines = [line.removeprefix("> ").removeprefix(">") for line in text.split("\n")[:_LINES]]
    begin = next((at for at, line in enumerate(lines) if _HEADER_LINE.match(line)), None)
    if begin is None:
        return {}
    end = next((at for at, line in enumerate(lines) if at > begin and not line.strip()), len(lines))
    return mime.read_headers(lines[begin:end])


def signed_addressee(mail: Mail) -> str:
    """The address with our token that it was delivered to; empty if there is none."""
    return signed_in(value for name in (*_TO_US, "received") for value in mail.headers.get(name, []))


def signed_return_path(mail: Mail, returned: Headers, more: Iterable[str]) -> str:
    """The address with our token that it came back to, or that stands in it; empty if there is none.

    First where it was delivered, then in `more`, then in the returned header: that, anybody may have written.
    """
    in_returned = (value for name in _IN_IT for value in returned.get(name, []))
    return signed_addressee(mail) or signed_in((*more, *in_returned))


def signed_in(places: Iterable[str]) -> str:
    """The first address with our token in these; empty if there is none."""
    found = next((hit for place in places if (hit := _SIGNED.search(place))), None)
    return found[0].lower() if found else ""


def message_id(mail: Mail, returned: Headers) -> str:
    """The Message-ID of the mail that it is about, without angle brackets; empty if there is none."""
    answered = (*mail.headers.get("in-reply-to", []), *mail.headers.get("references", [])[-1:])
    found = next(
        (hit for name in (*returned.get("message-id", []), *answered) if (hit := _MESSAGE_ID.search(name))), None
    )
    return found[1] if found else ""
