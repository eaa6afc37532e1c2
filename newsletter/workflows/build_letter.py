"""From an issue to its letter: the mail that it makes, whether that is fit to go out, and what an approval is of."""

import email
import email.policy
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy.orm import Session

from newsletter.delivery import ledger
from newsletter.delivery.message import compose
from newsletter.delivery.models import NOT_BEGUN, Letter
from newsletter.editorial import preflight
from newsletter.editorial.issues import approvals, issue_store
from newsletter.editorial.issues.approvals import Content
from newsletter.editorial.models import Issue, IssueState, Readiness, Revision
from newsletter.editorial.rendering import render
from newsletter.editorial.rendering.render import Branding, Rendered
from newsletter.editorial.source import issue_file
from newsletter.errors import Conflict, PressError
from newsletter.links import Links

_OPEN = {IssueState.DRAFT, IssueState.READY, IssueState.CANCELLED}


class Unready(Conflict):
    """It is a draft: somebody has to mark it as ready first."""


class Unfit(Conflict):
    """Preflight stops it: somebody has to mend it first."""


class Unapproved(Conflict):
    """Nobody has approved what it says now, and its publication asks for that."""


class Unsent(Conflict):
    """It waits for its hour already: somebody has to cancel that first."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """Why an issue could not go out as it is: in a few words that follow its title, and in full."""

    lack: str
    why: str


_LACKS: dict[type[PressError], str] = {
    Unready: "is a draft",
    Unfit: "is stopped by preflight",
    Unapproved: "needs an approval",
}


def render_mail(issue: Issue, revision: Revision, links: Links) -> Rendered:
    """An issue's letter, with its merge fields still in."""
    kept = issue_store.picture_names(revision)
    masthead = Branding.of(issue.publication, links)
    return render.issue_mail(
        issue_store.parse_revision(issue, revision), masthead, lambda name: links.picture(kept[name])
    )


def check(issue: Issue, links: Links) -> list[preflight.Finding]:
    """What preflight finds in the newest revision."""
    return _check(issue, render_mail(issue, issue.revision, links), links)


def blocking(issue: Issue, links: Links) -> list[preflight.Finding]:
    """What stops the newest revision from being printed."""
    return _blocking(check(issue, links))


def is_open(issue: Issue) -> bool:
    """Whether nothing of it waits or is out: a draft, a ready one, or one that was cancelled before it began."""
    has_begun = issue.letter is not None and issue.letter.started_at is not None
    return issue_store.state(issue) in _OPEN and not has_begun


def frozen_letter(issue: Issue) -> Letter | None:
    """The letter that waits, goes out or went, which nothing changes any more; None while the issue is open."""
    return None if is_open(issue) else issue.letter


def can_be_scheduled(issue: Issue) -> bool:
    """Whether it may be scheduled or sent: ready, or cancelled before it began and not changed since."""
    return is_open(issue) and issue.readiness is Readiness.READY


def require_schedulable(issue: Issue, links: Links) -> Rendered:
    """The mail of an issue that may be scheduled or sent; Conflict, saying what to do first, for any other."""
    _require_open(issue)
    mail = _require_fit(issue, links)
    _require_ready(issue)
    require_approved(issue, Content(issue.revision_number, content_hash(mail)))
    return mail


def require_approved(issue: Issue, would_go: Content) -> None:
    """Conflict unless a second person approved exactly this, where the publication asks for that."""
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
    """What would go out, or went, and so what an approval has to be of: the frozen letter, else the newest revision."""
    if fixed := frozen_letter(issue):
        return Content(issue.frozen_number or 0, fixed.content_hash)
    return Content(issue.revision_number, content_hash(render_mail(issue, issue.revision, links)))


def is_waiting(issue: Issue) -> bool:
    """Whether a letter is frozen from it that has not begun: it waits for its hour, or was held at it."""
    return issue.letter is not None and issue.letter.state in NOT_BEGUN


def blocker(issue: Issue, links: Links) -> Blocker | None:
    """Why an issue could not go out as it is, or would be held at the hour that it waits for; None if nothing is.

    Cheap enough to ask of every issue of a queue on every page: what preflight says of one text is remembered.
    """
    try:
        if is_waiting(issue):
            require_approved(issue, approvable_content(issue, links))
        else:
            _require_open(issue)
            _require_ready(issue)
            judged = _remembered(issue, links)
            _require_unblocked(issue, judged.blocking)
            require_approved(issue, Content(issue.revision_number, judged.content_hash))
    except PressError as error:
        return Blocker(_LACKS.get(type(error), "cannot be shown"), str(error))
    return None


def mark_ready(session: Session, issue: Issue, links: Links) -> None:
    """Say that an issue may go out as it was read; Conflict, with the findings, if something blocks it."""
    issue_store.lock(session, issue)
    _require_open(issue)
    _require_fit(issue, links)
    issue_store.set_readiness(issue, Readiness.READY)


def draft_letter(issue: Issue, links: Links, now: datetime, *, sender: str | None = None) -> Letter:
    """The letter that scheduling would freeze the newest revision into; it is in no store."""
    return new_letter(issue, render_mail(issue, issue.revision, links), links, now, now, sender)


def current_letter(issue: Issue, links: Links, now: datetime, *, sender: str | None = None) -> Letter:
    """What goes out, or went: the frozen letter while there is one, else the one that scheduling would freeze."""
    return frozen_letter(issue) or draft_letter(issue, links, now, sender=sender)


def sample_mail(letter: Letter, links: Links, now: datetime) -> dict[str, bytes]:
    """`issue.eml` as a sample reader would get it now, not signed, and the `issue.html` and `issue.txt` in it."""
    sample = ledger.ClaimedCopy(0, 0, 0, "ada@reader.example", "Ada", 0, since=now)
    eml = compose.compile(letter, links).message(sample, now)
    message = email.message_from_bytes(eml, policy=email.policy.default)
    text, html = (part.get_content().replace("\r\n", "\n").encode() for part in message.iter_parts())
    return {"issue.html": html, "issue.txt": text, "issue.eml": eml}


def new_letter(issue: Issue, mail: Rendered, links: Links, at: datetime, now: datetime, sender: str | None) -> Letter:
    """The letter that carries this mail at that moment; it is in no store."""
    publication = issue.publication
    own = publication.sender_address
    return Letter(
        publication_id=publication.id,
        due_at=at,
        created_at=now,
        content_hash=content_hash(mail),
        sender_name=publication.sender_name,
        sender_address=sender or own,
        # Who answers an issue reaches the publication, whatever address its issues go out with.
        reply_to=publication.reply_to or (own if sender else None),
        list_id=f"{publication.name} <{publication.slug}.{own.partition('@')[2]}>",
        feedback_id=f"{issue.id}:{publication.id}:issue:{publication.slug[:15].ljust(5, '0')}",
        archive_url=links.archive(issue.slug),
        time_zone=publication.time_zone,
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
    )


def content_hash(mail: Rendered) -> str:
    """What an approval is bound to, and what a letter is known by: SHA-256 over all that a reader sees."""
    seen = f"{mail.subject}\0{mail.html}\0{mail.text}"
    return hashlib.sha256(seen.encode()).hexdigest()


def _require_open(issue: Issue) -> None:
    if is_open(issue):
        return
    now = issue_store.state(issue)
    if now is IssueState.CANCELLED:
        raise Conflict(f"“{issue.title}” was cancelled after some readers had got it; nobody is sent an issue twice")
    if is_waiting(issue):
        raise Unsent(f"“{issue.title}” is already {now.told}; unschedule it first")
    raise Conflict(f"“{issue.title}” is already {now.told}")


def _require_ready(issue: Issue) -> None:
    if not can_be_scheduled(issue):
        raise Unready(f"“{issue.title}” is a draft; mark it as ready first")


def _require_fit(issue: Issue, links: Links) -> Rendered:
    mail = render_mail(issue, issue.revision, links)
    _require_unblocked(issue, _blocking(_check(issue, mail, links)))
    return mail


def _require_unblocked(issue: Issue, blocking: Sequence[preflight.Finding]) -> None:
    if blocking:
        raise Unfit("\n".join([f"“{issue.title}” is not fit to send:", *map(str, blocking)]))


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the mail of a text is known by, and what of it preflight stops."""

    content_hash: str
    blocking: tuple[preflight.Finding, ...]


def _remembered(issue: Issue, links: Links) -> _Judged:
    kept = issue_store.picture_names(issue.revision).items()
    return _judged(
        issue.revision.source,
        issue.file_name,
        tuple(sorted((name, links.picture(file_name)) for name, file_name in kept)),
        Branding.of(issue.publication, links),
        preflight.Facts.of(issue.publication, links),
    )


@lru_cache(maxsize=512)
def _judged(
    source: str,
    file_name: str,
    pictures: tuple[tuple[str, str], ...],
    masthead: Branding,
    known: preflight.Facts,
) -> _Judged:
    file, urls = issue_file.parse(source, file_name), dict(pictures)
    mail = render.issue_mail(file, masthead, urls.__getitem__)
    return _Judged(content_hash(mail), tuple(_blocking(preflight.check(file, mail, known))))


def _check(issue: Issue, mail: Rendered, links: Links) -> list[preflight.Finding]:
    return preflight.check(
        issue_store.parse_revision(issue, issue.revision), mail, preflight.Facts.of(issue.publication, links)
    )


def _blocking(findings: Iterable[preflight.Finding]) -> list[preflight.Finding]:
    return [finding for finding in findings if finding.level is preflight.Level.BLOCKING]
