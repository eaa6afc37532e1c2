"""The view of the inbox: its query parameters, and mails as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from newsletter.inbox.parse import ParsedMail
from newsletter.inbox.store import Mail

_SIDES = ("html", "text", "headers", "source")
WIDTHS = ("desktop", "phone")
SCHEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class InboxView:
    """The search and the display options; an empty value means that nothing was chosen."""

    q: str
    before: str
    show: str
    width: str
    scheme: str

    @classmethod
    def parse(cls, asked: Mapping[str, str]) -> "InboxView":
        """A view from query parameters; unknown values count as absent."""
        return cls(
            q=asked.get("q", "").strip(),
            before=asked.get("before", ""),
            show=_one_of(_SIDES, asked.get("show", "")),
            width=_one_of(WIDTHS, asked.get("width", "")),
            scheme=_one_of(SCHEMES, asked.get("scheme", "")),
        )

    def query(self, **changes: str) -> dict[str, str]:
        """The query parameters of this view, with some of them changed."""
        chosen = {"q": self.q, "show": self.show, "width": self.width, "scheme": self.scheme}
        return {name: word for name, word in {**chosen, **changes}.items() if word}

    def shows(self, reading: ParsedMail) -> str:
        """The chosen representation of a mail, or the richest it has."""
        return self.show or ("text" if reading.html is None else "html")


def _one_of(words: tuple[str, ...], asked: str) -> str:
    return asked if asked in words else ""


def summary_json(mail: Mail) -> dict[str, Any]:
    """A mail as a JSON list entry."""
    return {
        "id": mail.id,
        "to": mail.to,
        "from": mail.author,
        "subject": mail.subject,
        "received_at": mail.received_at.isoformat(),
        "size": mail.size,
    }


def detail_json(mail: Mail, reading: ParsedMail, source_url: str) -> dict[str, Any]:
    """A mail as a JSON document; `source` is the URL of its bytes."""
    return summary_json(mail) | {
        "envelope": {"sender": mail.envelope.sender, "recipients": list(mail.envelope.recipients)},
        "headers": [list(header) for header in reading.headers],
        "text": reading.text,
        "html": reading.html,
        "attachments": [
            {"n": part.number, "name": part.name, "type": part.content_type, "size": len(part.body)}
            for part in reading.attachments
        ],
        "source": source_url,
    }
