"""Complaints: feedback reports (RFC 5965, 6591), and those of providers that send a plain mail instead."""

import re
from dataclasses import dataclass

from newsletter.delivery.bounces.parse import mime
from newsletter.delivery.bounces.parse.mime import Headers, Mail, first

# Not complaints by readers: a DMARC failure, and the opposite of a complaint.
_NO_COMPLAINT = frozenset({"auth-failure", "dmarc", "not-spam"})
_LEAVING = frozenset({"opt-out", "opt-out-list", "unsubscribe"})

_ADDRESS = re.compile(r"[^\s<>,;:()\[\]\"'@]{1,200}+@[\w-]+(?:\.[\w-]+)+")
# Where the returned header, or the report, tells whose copy it was; nearest to the reader first.
_RECIPIENT = ("x-hmxmroriginalrecipient", "x-rcpt-to", "x-original-to", "delivered-to", "to")


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody reports about a mail of ours."""

    complains: bool
    leaves: bool
    recipients: tuple[str, ...]


def read_feedback(mail: Mail, returned: Headers) -> Feedback | None:
    """The report in this mail; None if there is none."""
    part = next((each for each in mail.parts if each.media_type == "message/feedback-report"), None)
    if part is not None:
        fields = mime.read_headers([line for line in part.text.split("\n") if line.strip()])
    elif mail.report == "feedback-report" or _complains_plainly(mail):
        fields = {}
    else:
        return None
    kind = first(fields, "feedback-type").lower().strip() or "abuse"
    named = [value for name in ("original-rcpt-to", "removal-recipient") for value in fields.get(name, [])]
    found = [hit[0] for value in named if (hit := _ADDRESS.search(value))] or _of_the_copy(returned)
    return Feedback(kind not in _NO_COMPLAINT | _LEAVING, kind in _LEAVING, tuple(dict.fromkeys(found)))


def _of_the_copy(returned: Headers) -> list[str]:
    for name in _RECIPIENT:
        if found := [hit for value in returned.get(name, []) for hit in _ADDRESS.findall(value)]:
            return found
    return []


def _complains_plainly(mail: Mail) -> bool:
    # Microsoft's Junk Mail Reporting Program sends the mail back with a line of its own.
    sender, subject = mail.header("from").lower(), mail.header("subject").lower()
    if "staff@hotmail.com" in sender and subject.startswith("complaint about message from"):
        return True
    return "this is an email abuse report" in next(
        (part.text[:300].lower() for part in mail.parts if part.media_type == "text/plain"), ""
    )
