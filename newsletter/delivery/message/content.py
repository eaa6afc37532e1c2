"""The content of messages: frozen values, made from the rows of delivery's tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterContent:
    """What all copies of a letter share, with merge fields."""

    sender_name: str
    sender_address: str
    reply_to: str | None
    list_id: str
    feedback_id: str
    archive_url: str
    content_hash: str
    """Seeds the boundary between the body parts, so that a letter is composed the same each time."""
    subject: str
    html: str
    text: str
    language: str = "en"
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleContent:
    """A single letter: its recipient, its content, and what identifies it."""

    id: int
    kind: str
    created_at: datetime
    sender_name: str
    sender_address: str
    reply_to: str | None
    address: str
    name: str
    subject: str
    html: str
    text: str
    unsubscribe_url: str | None
    message: bytes | None
    """The whole message without its DKIM signature, if it was composed before."""


class Purpose(StrEnum):
    """The purpose of a single letter, which decides what causes of suppression stop it."""

    TEAM = "team"
    """For an editor: never skipped, whatever their status as a reader."""
    ANSWER = "answer"
    """The answer to a person's own request for their data, an erasure or a link."""
    CONFIRM = "confirm"
    """Asks the owner of an address whether they signed up, or want mail to come there."""
    UNASKED = "unasked"
    """Any other letter: nobody asked for it."""


PURPOSES: Mapping[str, Purpose] = {
    "sign_in": Purpose.TEAM,
    "reset": Purpose.TEAM,
    "changed": Purpose.TEAM,
    "approval_request": Purpose.TEAM,
    "slot_warning": Purpose.TEAM,
    "sending_warning": Purpose.TEAM,
    "comments_waiting": Purpose.TEAM,
    "reader_mail": Purpose.TEAM,
    "contact_request": Purpose.TEAM,
    "requests_waiting": Purpose.TEAM,
    "data": Purpose.ANSWER,
    "erasure": Purpose.ANSWER,
    "link": Purpose.ANSWER,
    "confirm": Purpose.CONFIRM,
    "welcome": Purpose.UNASKED,
    "already": Purpose.UNASKED,
    "address_confirm": Purpose.CONFIRM,
    "comment_confirm": Purpose.CONFIRM,
    "comment_reply": Purpose.UNASKED,
    "address_changed": Purpose.UNASKED,
    "goodbye": Purpose.UNASKED,
    "probe": Purpose.UNASKED,
    "reminder": Purpose.UNASKED,
    "test": Purpose.UNASKED,
}
"""By the letter's kind; a kind that is not here is one that nobody asked for."""
