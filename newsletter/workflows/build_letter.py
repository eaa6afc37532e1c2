"""Build a letter from an issue: its mail, its headers, and whom it goes to."""

import email
import email.policy
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import object_session

from newsletter.audience.segments import store as segments
from newsletter.audience.segments.store import Frozen
from newsletter.delivery import ledger
from newsletter.delivery.message import compose
from newsletter.delivery.models import NOT_BEGUN, Letter
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, IssueState
from newsletter.editorial.rendering.render import Rendered
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.errors import PressError
from newsletter.links import Links
from newsletter.publications import Publication
from newsletter.workflows import prepare_issue

_OPEN = {IssueState.DRAFT, IssueState.READY, IssueState.CANCELLED}


@dataclass(frozen=True, slots=True)
class LetterSettings:
    """What every letter is made with."""

    links: Links
    sender: str | None = None
    """The address that issues are sent from; None for the publication's own."""

    def sender_of(self, publication: Publication) -> str:
        """The address that this publication's issues are sent from."""
        return self.sender or publication.sender_address


def is_open(issue: Issue) -> bool:
    """Whether the issue is a draft, ready, or cancelled before it began: nothing of it is scheduled or sent."""
    return issue_store.state(issue) in _OPEN and not issue_store.is_out(issue)


def frozen_letter(issue: Issue) -> Letter | None:
    """The letter that is scheduled or was sent, and no longer changes; None while the issue is open."""
    return None if is_open(issue) else issue.letter


def segment_of(issue: Issue) -> dict[str, Any] | None:
    """The segment that an issue goes to: as frozen with its letter, else as it is now; None for everybody.

    NotFound if it was deleted, Invalid if it refers to itself.
    """
    if fixed := frozen_letter(issue):
        return fixed.segment
    session = object_session(issue)
    if issue.segment_id is None or session is None:
        return None
    return segments.freeze(session, segments.get_segment(session, issue.publication_id, issue.segment_id))


def topics_of(issue: Issue) -> list[str]:
    """The keys of the topics that an issue is about: as frozen with its letter, else as in its newest revision."""
    if fixed := frozen_letter(issue):
        return fixed.topics
    if not issue.publication.topics:
        return []
    return topics_among(issue, issue_store.parse_revision(issue, issue.revision))


def topics_among(issue: Issue, file: IssueFile) -> list[str]:
    """The keys of the publication's topics that this text of an issue has as tags."""
    return issue.publication.topic_keys(file.tags)


def audience_hash(issue: Issue) -> str:
    """The hash of the rule that tells whom an issue goes to; empty for everybody."""
    try:
        return hash_of_segment(segment_of(issue))
    except PressError:
        return "unknown"


def hash_of_segment(frozen: Frozen | None) -> str:
    """The hash of a frozen segment's rule and of its attributes' types, whatever its name; empty for everybody."""
    if frozen is None:
        return ""
    rule = [frozen["rule"], frozen["types"]] if "types" in frozen else frozen["rule"]
    return hashlib.sha256(json.dumps(rule, sort_keys=True).encode()).hexdigest()


def is_waiting(issue: Issue) -> bool:
    """Whether it has a frozen letter that has not begun: scheduled, or held at its time."""
    return issue.letter is not None and issue.letter.state in NOT_BEGUN


def draft_letter(issue: Issue, letters: LetterSettings, now: datetime) -> Letter:
    """The letter that scheduling would freeze from the newest revision; it is not stored."""
    return new_letter(issue, prepare_issue.prepare(issue, letters.links).mail, letters, now)


def current_letter(issue: Issue, letters: LetterSettings, now: datetime) -> Letter:
    """The frozen letter if there is one, else the one that scheduling would freeze."""
    return frozen_letter(issue) or draft_letter(issue, letters, now)


def sample_mail(letter: Letter, links: Links, now: datetime) -> dict[str, bytes]:
    """`issue.eml` as a sample reader would get it now, unsigned, and its parts as `issue.html` and `issue.txt`."""
    sample = ledger.ClaimedCopy(0, 0, 0, "ada@reader.example", "Ada", 0, since=now)
    eml = compose.compile(letter.content, links).message(sample, now)
    message = email.message_from_bytes(eml, policy=email.policy.default)
    text, html = (part.get_content().replace("\r\n", "\n").encode() for part in message.iter_parts())
    return {"issue.html": html, "issue.txt": text, "issue.eml": eml}


def new_letter(issue: Issue, mail: Rendered, letters: LetterSettings, now: datetime, kind: str = "issue") -> Letter:
    """A letter with this mail, due now; it is not stored."""
    publication = issue.publication
    return Letter(
        publication_id=publication.id,
        due_at=now,
        created_at=now,
        content_hash=mail.content_hash,
        feedback_id=f"{issue.id}:{publication.id}:{kind}:{publication.slug[:15].ljust(5, '0')}",
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        **headers_of(issue, letters),
    )


def headers_of(issue: Issue, letters: LetterSettings) -> dict[str, str | None]:
    """What a letter of this issue takes from its publication beside the mail itself."""
    publication = issue.publication
    own = publication.sender_address
    return {
        "sender_name": publication.sender_name,
        "sender_address": letters.sender_of(publication),
        # Replies go to the publication, even if another address sends its issues.
        "reply_to": publication.reply_to or (own if letters.sender else None),
        "list_id": f"{publication.name} <{publication.slug}.{own.partition('@')[2]}>",
        "archive_url": letters.links.archive(issue.slug),
        "time_zone": publication.time_zone,
        "language": publication.language,
    }
