"""Build a letter from an issue: render its mail, check whether it may go out, and compute its content hash."""

import email
import email.policy
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session, object_session

from newsletter.audience.segments import store as segments
from newsletter.audience.segments.store import Frozen
from newsletter.delivery import ledger
from newsletter.delivery.message import compose
from newsletter.delivery.models import NOT_BEGUN, Letter
from newsletter.editorial import preflight
from newsletter.editorial.imported import posts
from newsletter.editorial.issues import approvals, archive, correction_draft, issue_store, slugs
from newsletter.editorial.issues.approvals import Content
from newsletter.editorial.models import Issue, IssueState, Readiness, Revision, Size
from newsletter.editorial.rendering import render
from newsletter.editorial.rendering.render import Branding, Rendered
from newsletter.editorial.source import issue_file
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.errors import Conflict, PressError
from newsletter.links import Links
from newsletter.publications import Publication

_OPEN = {IssueState.DRAFT, IssueState.READY, IssueState.CANCELLED}


class Unready(Conflict):
    """The issue is a draft and has to be marked as ready first."""


class Unfit(Conflict):
    """Preflight blocks the issue."""


class Unapproved(Conflict):
    """The publication requires an approval, and the current content has none."""


class Unaddressed(Conflict):
    """The segment that the issue goes to can no longer be resolved."""


class Unsent(Conflict):
    """The issue is scheduled already and has to be unscheduled first."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """Why an issue could not go out as it is: in a few words to follow its title, and in full."""

    lack: str
    why: str


_LACKS: dict[type[PressError], str] = {
    Unready: "is a draft",
    Unfit: "is stopped by preflight",
    Unapproved: "needs an approval",
    Unaddressed: "goes to a segment that no longer works",
}


@dataclass(frozen=True, slots=True)
class LetterSettings:
    """What every letter is made with."""

    links: Links
    sender: str | None = None
    """The address that issues are sent from; None for the publication's own."""

    def sender_of(self, publication: Publication) -> str:
        """The address that this publication's issues are sent from."""
        return self.sender or publication.sender_address


@dataclass(frozen=True, slots=True)
class PreparedIssue:
    """The newest revision of an issue, prepared for sending: parsed, rendered and checked once."""

    source: IssueFile
    mail: Rendered
    """With its merge fields unfilled."""
    findings: tuple[preflight.Finding, ...]

    @property
    def blocking(self) -> tuple[preflight.Finding, ...]:
        """The findings that block the issue."""
        return tuple(finding for finding in self.findings if finding.level is preflight.Level.BLOCKING)


def prepare(issue: Issue, links: Links) -> PreparedIssue:
    """Parse, render and check an issue's text; what was just prepared is not prepared again.

    Its newest revision or, once it is out, the one that the archive shows.
    """
    return prepare_revision(issue, _current_revision(issue), links)


def prepare_revision(issue: Issue, revision: Revision, links: Links) -> PreparedIssue:
    """Parse, render and check any revision, as `prepare` does."""
    return _prepare(*_ingredients(issue, revision, links))


def render_in_colours(issue: Issue, links: Links, accent: str, accent_dark: str) -> Rendered:
    """The mail of the newest revision with other colours of links and buttons; empty for the default ones."""
    source, file_name, pictures, branding, _ = _ingredients(issue, _current_revision(issue), links)
    colours = replace(branding, accent=accent, accent_dark=accent_dark)
    return _render(issue_file.parse_draft(source, file_name), pictures, colours)


def judge(issue: Issue, links: Links) -> tuple[str, tuple[preflight.Finding, ...]]:
    """The content hash of the mail of what `prepare` prepares, and what blocks it; cached by text, for many issues."""
    return _judge(*_ingredients(issue, _current_revision(issue), links))


def is_open(issue: Issue) -> bool:
    """Whether the issue is a draft, ready, or cancelled before it began: nothing of it is scheduled or sent."""
    return issue_store.state(issue) in _OPEN and not issue_store.is_out(issue)


def frozen_letter(issue: Issue) -> Letter | None:
    """The letter that is scheduled or was sent, and no longer changes; None while the issue is open."""
    return None if is_open(issue) else issue.letter


def can_be_scheduled(issue: Issue) -> bool:
    """Whether it may be scheduled or sent: it is ready, or was cancelled before it began and not changed since."""
    return is_open(issue) and issue.readiness is Readiness.READY


def require_schedulable(issue: Issue, links: Links) -> PreparedIssue:
    """The issue, prepared, if it may be scheduled or sent; Conflict, saying what to do first, otherwise."""
    if session := object_session(issue):
        posts.require_own(session, issue)
    require_open(issue)
    prepared = prepare(issue, links)
    require_sendable(issue, prepared)
    return prepared


def require_sendable(issue: Issue, prepared: PreparedIssue) -> None:
    """Raise Conflict, saying what to do first, if an open issue may not go out as it was prepared."""
    _require_unblocked(issue, prepared.blocking)
    _require_ready(issue)
    require_approved(issue, prepared_content(issue, prepared))


def prepared_content(issue: Issue, prepared: PreparedIssue) -> Content:
    """The content that an approval of an open issue has to be of, as it was prepared."""
    return Content(issue.revision_number, prepared.mail.content_hash, audience_hash(issue))


def require_approved(issue: Issue, would_go: Content) -> None:
    """Raise Conflict if the publication requires an approval and exactly this content has none."""
    if not issue.publication.requires_approval or approvals.current_approval(issue.approval_steps, would_go):
        return
    before = approvals.latest_approval(issue.approval_steps)
    changed = (
        f"; {before.person} approved revision {before.revision_number}, and it has changed since" if before else ""
    )
    raise Unapproved(
        f"“{issue.title}” goes out only after a second person has approved exactly what it says now{changed}. "
        "Ask for approval on its page at the desk"
    )


def approvable_content(issue: Issue, links: Links) -> Content:
    """The content that an approval has to be of: of a correction, of the frozen letter, or of the newest revision."""
    session = object_session(issue)
    if session and correction_draft.is_prepared(session, issue):
        return correction_draft.content(session, issue)
    if fixed := frozen_letter(issue):
        return content_of(issue, fixed)
    return prepared_content(issue, prepare(issue, links))


def content_of(issue: Issue, letter: Letter) -> Content:
    """The content of the issue's `current_letter`, without rendering it again."""
    is_frozen = letter is frozen_letter(issue)
    number = (issue.frozen_number or 0) if is_frozen else issue.revision_number
    return Content(number, letter.content_hash, audience_hash(issue))


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
    """The hash of a frozen segment's rule, whatever its name; empty for everybody."""
    return hashlib.sha256(json.dumps(frozen["rule"], sort_keys=True).encode()).hexdigest() if frozen else ""


def is_waiting(issue: Issue) -> bool:
    """Whether it has a frozen letter that has not begun: scheduled, or held at its time."""
    return issue.letter is not None and issue.letter.state in NOT_BEGUN


def blocker(issue: Issue, links: Links) -> Blocker | None:
    """Why an issue could not go out now, or would be held at its scheduled time; None if nothing blocks it.

    Cheap enough for every issue of a queue on every page: preflight results are cached by text.
    """
    try:
        if is_waiting(issue):
            require_approved(issue, approvable_content(issue, links))
        else:
            require_open(issue)
            _require_ready(issue)
            content_hash, blocking = judge(issue, links)
            _require_unblocked(issue, blocking)
            require_approved(issue, Content(issue.revision_number, content_hash, audience_hash(issue)))
        _require_readers(issue)
    except PressError as error:
        return Blocker(_LACKS.get(type(error), "cannot be shown"), str(error))
    return None


def change_readiness(session: Session, issue: Issue, links: Links, wanted: Readiness) -> None:
    """Mark an issue as ready or as a draft; Conflict if it is scheduled, or if preflight blocks a ready one."""
    if not is_open(issue):
        raise Conflict(f"“{issue.title}” is {issue_store.state(issue).phrase}, so it can no longer be marked.")
    if wanted is Readiness.READY:
        mark_ready(session, issue, links)
    else:
        issue_store.set_readiness(issue, wanted)


def mark_ready(session: Session, issue: Issue, links: Links) -> None:
    """Mark an issue as ready; Conflict, with the findings, if preflight blocks it."""
    issue_store.lock(session, issue)
    posts.require_own(session, issue)
    require_open(issue)
    _require_unblocked(issue, prepare(issue, links).blocking)
    slugs.follow_title(session, issue)
    issue_store.set_readiness(issue, Readiness.READY)


def draft_letter(issue: Issue, letters: LetterSettings, now: datetime) -> Letter:
    """The letter that scheduling would freeze from the newest revision; it is not stored."""
    return new_letter(issue, prepare(issue, letters.links).mail, letters, now)


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


def require_open(issue: Issue) -> None:
    """Raise Conflict if anything of the issue is scheduled or was sent."""
    if is_open(issue):
        return
    now = issue_store.state(issue)
    if now is IssueState.CANCELLED:
        raise Conflict(f"“{issue.title}” was cancelled after some readers had got it; nobody is sent an issue twice")
    if is_waiting(issue):
        raise Unsent(f"“{issue.title}” is already {now.phrase}; unschedule it first")
    raise Conflict(f"“{issue.title}” is already {now.phrase}")


def _require_ready(issue: Issue) -> None:
    if not can_be_scheduled(issue):
        raise Unready(f"“{issue.title}” is a draft; mark it as ready first")


def _require_unblocked(issue: Issue, blocking: Sequence[preflight.Finding]) -> None:
    if blocking:
        raise Unfit("\n".join([f"“{issue.title}” is not fit to send:", *map(str, blocking)]))


def _require_readers(issue: Issue) -> None:
    session, publication = object_session(issue), issue.publication
    try:
        chosen = segment_of(issue)
        if session and chosen:
            # Nobody is asked for, so any time will do.
            segments.frozen_conditions(session, publication, chosen, publication.created_at)
    except PressError as error:
        raise Unaddressed(f"It cannot be told whom “{issue.title}” goes to: {error}") from error


_Pictures = tuple[tuple[str, str, Size | None], ...]
_Ingredients = tuple[str, str, _Pictures, Branding, preflight.Facts]


def _current_revision(issue: Issue) -> Revision:
    return archive.published_text(issue)[1] if issue_store.is_out(issue) else issue.revision


def _ingredients(issue: Issue, revision: Revision, links: Links) -> _Ingredients:
    """All that a prepared issue is made of: source, file name, its pictures' names, URLs and sizes, branding, facts."""
    files = issue_store.picture_files(revision)
    return (
        revision.source,
        issue.file_name,
        tuple((file.name, links.picture(file.file_name), file.size) for file in files),
        Branding.for_publication(issue.publication, links),
        preflight.Facts.for_publication(issue.publication, links),
    )


# A few, so that whoever shows, checks or counts an issue and then freezes it prepares it once.
@lru_cache(maxsize=8)
def _prepare(*ingredients: *_Ingredients) -> PreparedIssue:
    source, file_name, pictures, branding, facts = ingredients
    file = issue_file.parse_draft(source, file_name)
    mail = _render(file, pictures, branding)
    return PreparedIssue(file, mail, tuple(preflight.check(file, mail, facts)))


def _render(file: IssueFile, pictures: _Pictures, branding: Branding) -> Rendered:
    urls, sizes = {name: url for name, url, _ in pictures}, {url: size for _, url, size in pictures if size}
    return render.issue_mail(file, branding, urls.__getitem__, sizes)


@lru_cache(maxsize=512)
def _judge(*ingredients: *_Ingredients) -> tuple[str, tuple[preflight.Finding, ...]]:
    """The content hash of the mail, and what blocks it: of many issues, because it is small."""
    prepared = _prepare(*ingredients)
    return prepared.mail.content_hash, prepared.blocking
