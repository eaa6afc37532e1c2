"""Delivery status notifications (RFC 3464, and RFC 6533 for addresses in UTF-8): the part that programs read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.delivery.bounces.parse import mime
from newsletter.delivery.bounces.parse.mime import Headers, Part, first

STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})

MOST_RECIPIENTS = 200

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
# Of all that xtext escapes, only "+" and "=" occur in an address; "+42" may be a reader's own tag.
_XTEXT = re.compile(r"\+(2B|3D)")
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_ADDRESS = re.compile(r"""(?:"[^\s"]{1,200}+"|[^\s<>,;:()"@]{1,200}+)@[^\s<>,;:()"]+""")
_COMMENT = re.compile(r"^[^(]*\(?")
_TYPED = re.compile(r"^\s*[\w-]+\s*;\s*")


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """What a report says of one recipient."""

    address: str
    """The address it was for in the end; empty where none is given."""
    original: str
    """The address that it was sent to, if the report gives that separately."""
    action: str
    status: str
    comment: str
    """What stands in brackets behind the status."""
    category: str
    """What PowerMTA calls it: bad-mailbox, quota-issues, …"""
    diagnostic: str
    spec: str
    """What kind of diagnostic it is: smtp, x-unix, …"""
    mta: str


def is_status(part: Part) -> bool:
    """Whether programs are to read this part."""
    if part.media_type in STATUS_TYPES:
        return True
    # Sent under another name, as some gateways do.
    return (
        part.media_type in {"text/plain", "application/octet-stream"}
        and b"\nFinal-Recipient:" in part.body
        and (b"\nAction:" in part.body or b"\nStatus:" in part.body)
    )


def read_statuses(part: Part) -> list[RecipientStatus]:
    """What the report says of each recipient, in its order."""
    groups = list(_groups(part.text))
    reporting = next((first(group, "reporting-mta") for group in groups if "reporting-mta" in group), "")
    per_recipient = [group for group in groups if _RECIPIENT_FIELDS & group.keys()]
    return [_status_of(group, _bare(reporting)) for group in per_recipient[:MOST_RECIPIENTS]]


_RECIPIENT_FIELDS = frozenset({"final-recipient", "original-recipient", "x-actual-recipient", "action", "status"})


def _groups(text: str) -> Iterator[Headers]:
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        headers = mime.read_headers(block.split("\n"))
        if headers:
            yield headers


def _status_of(group: Headers, reporting: str) -> RecipientStatus:
    spec, _, words = first(group, "diagnostic-code").partition(";")
    if not words or not re.fullmatch(r"\s*[\w-]+\s*", spec):
        spec, words = "", first(group, "diagnostic-code")
    status = _STATUS.search(first(group, "status")) or _STATUS.search(first(group, "x-supplementary-info"))
    final = _address(first(group, "final-recipient")) or _address(first(group, "x-actual-recipient"))
    original = _address(first(group, "original-recipient"))
    # The name of an internal host is of no use outside.
    inside = "." not in final.partition("@")[2]
    return RecipientStatus(
        address=original if inside and original else final,
        original=original,
        action=_action(first(group, "action")),
        status=status[0] if status else "",
        comment=_COMMENT.sub("", first(group, "status")).removesuffix(")"),
        category=first(group, "x-powermta-bouncecategory").strip().lower(),
        diagnostic=" ".join(words.split()),
        spec=spec.strip().lower(),
        mta=_bare(first(group, "remote-mta")) or reporting,
    )


def _address(value: str) -> str:
    """The address of a field such as `rfc822; a@example.org`, with what RFC 3461 (4) and 6533 (3) escape as it is."""
    kind, _, _ = value.partition(";")
    found = _ADDRESS.search(_TYPED.sub("", value))
    if not found or found[0].endswith("@"):
        return ""
    address = _UNICODE.sub(lambda code: _character(code[1]), found[0].strip(".'"))
    return _XTEXT.sub(lambda code: chr(int(code[1], 16)), address) if "rfc822" in kind and "+" in address else address


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else ""


def _action(value: str) -> str:
    word = re.match(r"[a-z]+", value.strip().lower())
    named = {"failure": "failed", "deliverable": "delivered", "expired": "failed", "delivery": "delivered"}
    return named.get(word[0], word[0]) if word else ""


def _bare(value: str) -> str:
    host = _TYPED.sub("", value).strip().strip("[]()")
    return host.partition(" ")[0].rstrip(".")
