"""Import an archive of posts: each becomes a draft with its old date, which can be published and is never sent."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import structlog
from sqlalchemy.orm import Session

from newsletter.db import AWAY, Sessions
from newsletter.delivery.models import Counts, LetterState
from newsletter.editorial.images import filetype, pictures
from newsletter.editorial.images.pictures import ENDINGS, MAX_BYTES, PictureStore
from newsletter.editorial.imported import convert, posts
from newsletter.editorial.imported.convert import Converted
from newsletter.editorial.imported.posts import LONGEST_KEY, ImportedPost
from newsletter.editorial.issues import approvals, issue_store, slugs
from newsletter.editorial.issues.issue_store import Text
from newsletter.editorial.models import Issue
from newsletter.editorial.source import issue_file, issue_form
from newsletter.editorial.source.fields import SUBJECT_LENGTH
from newsletter.editorial.source.issue_form import IssueForm
from newsletter.errors import Conflict, Invalid, NotFound, PressError
from newsletter.links import Links
from newsletter.outbound.guarded_client import GuardedClient
from newsletter.publications import Publication
from newsletter.workflows import build_letter, issue_readiness, prepare_issue, publish
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.peer_archives import OldPost

AUTHOR = "archive import"
_MOST_PICTURES = 100

log = structlog.get_logger(__name__)

Fetch = Callable[[str, int], bytes | None]
"""Fetches a picture of at most so many bytes; None if that fails."""


def fetch_with(client: GuardedClient) -> Fetch:
    """How pictures are fetched: by the client that requests nothing from private networks."""

    def fetch(url: str, most_bytes: int) -> bytes | None:
        answer = client.fetch(url, most_bytes)
        return answer.content if answer.status == 200 else None

    return fetch


@dataclass(frozen=True, slots=True)
class PostFate:
    """What became of a post: the slug of its draft, or why there is none; and what its text lost."""

    title: str
    slug: str = ""
    reason: str = ""
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishFate:
    """What became of an issue that was to be published: why it was not, or what preflight would say against it."""

    slug: str
    refusal: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Pictures:
    """The pictures of one post, as they are fetched."""

    fetch: Fetch | None
    by_url: dict[str, str | None] = field(default_factory=dict)
    content: dict[str, bytes] = field(default_factory=dict)

    def name_of(self, url: str) -> str | None:
        """The name of a picture beside the issue; None if it is not carried over."""
        if self.fetch is None or urlsplit(url).scheme not in {"http", "https"}:
            return None
        if url not in self.by_url:
            self.by_url[url] = self._taken(self.fetch, url) if len(self.by_url) < _MOST_PICTURES else None
        return self.by_url[url]

    def _taken(self, fetch: Fetch, url: str) -> str | None:
        raw = fetch(url, MAX_BYTES)
        try:
            content = pictures.processed(url, raw) if raw else b""
        except Invalid:
            return None
        if not content:
            return None
        stem = pictures.clean_stem(PurePosixPath(urlsplit(url).path).name)
        name = f"{stem}-{len(self.content) + 1}.{ENDINGS[filetype.detect(content)]}"
        self.content[name] = content
        return name


@dataclass(frozen=True, slots=True)
class ArchiveImport:
    """Where an archive comes from and goes to, and how it is imported."""

    sessions: Sessions
    store: PictureStore
    publication: Publication
    source: str
    """The program that wrote it."""
    fetch: Fetch | None = None
    """Fetches the pictures in the posts; if None, each becomes a link."""
    dry_run: bool = False
    record: Callable[[Session, PostFate], None] = lambda _session, _fate: None
    """Called with what became of each post, in the transaction that saves it; not in a dry run."""


def import_posts(job: ArchiveImport, archive: list[OldPost], now: datetime, *, after: int = 0) -> Iterator[PostFate]:
    """Save each post that is new as a draft, in a transaction of its own; what became of each, oldest first.

    The first `after` posts are passed over: an earlier run was broken off behind them.
    """
    with job.sessions.reading() as session:
        known = posts.known_keys(session, job.publication.id, job.source)
    in_order = sorted(archive, key=lambda one: (one.posted_at is not None, one.posted_at))
    for post in in_order[after:]:
        key = post.key[:LONGEST_KEY]
        refusal = "it was imported before" if key in known else post.skipped or _lack(post)
        try:
            fate = _import_post(job, post, refusal, now)
        except (PressError, *AWAY):
            raise
        except Exception:
            # It becomes the fate of this post, so that the others are imported.
            log.exception("a post could not be imported", source=job.source, key=key)
            fate = _import_post(job, post, "the program failed at it, and its log says why", now)
        if fate.slug:
            known.add(key)
        yield fate


def publish_each(
    sessions: Sessions, letters: LetterSettings, slugs: Iterable[str], now: datetime
) -> Iterator[PublishFate]:
    """Publish imported issues in the archive, each in a transaction of its own; what became of each."""
    for slug in slugs:
        try:
            with sessions.begin() as session:
                issue = issue_store.find(session, slug)
                remarks = publish_imported(session, letters, issue, now)
        except (Conflict, NotFound) as error:
            yield PublishFate(slug, refusal=str(error))
        else:
            yield PublishFate(slug, remarks=tuple(remarks))


def lacks_approval(issue: Issue, links: Links) -> bool:
    """Whether an issue would not be published, because its publication requires an approval that it does not have."""
    if not issue.publication.requires_approval:
        return False
    return approvals.current_approval(issue.approval_steps, issue_readiness.approvable_content(issue, links)) is None


def publish_imported(session: Session, letters: LetterSettings, issue: Issue, now: datetime) -> list[str]:
    """Publish an imported issue in the archive at its old date, to nobody; what preflight would say against it.

    Conflict if it was not imported, is published already, or lacks an approval that its publication requires.
    """
    found = posts.find_import(session, issue)
    if found is None:
        raise Conflict(f"“{issue.title}” was not imported: schedule it, or send it")
    issue_store.lock(session, issue)
    issue_readiness.require_open(issue)
    prepared = prepare_issue.prepare(issue, letters.links)
    issue_readiness.require_approved(issue, issue_readiness.prepared_content(issue, prepared))
    letter = build_letter.new_letter(issue, prepared.mail, letters, now)
    letter.due_at = letter.started_at = letter.finished_at = found.posted_at
    letter.state = LetterState.FINISHED
    letter.final_counts = {one.name: 0 for one in fields(Counts)}
    session.add(letter)
    session.flush()
    publish.attach_letter(session, issue, letter, prepared)
    return [str(finding) for finding in prepared.blocking]


def _lack(post: OldPost) -> str:
    if not post.title:
        return "it has no title"
    return "" if post.posted_at else "it has no date"


def _subject(title: str, at: datetime) -> str:
    # Nobody is mailed it; it only has to be as long as the subject of an issue has to be.
    if len(title) > SUBJECT_LENGTH[-1]:
        return f"{title[: SUBJECT_LENGTH[-1] - 1].rstrip()}…"
    return title if len(title) >= SUBJECT_LENGTH[0] else f"{title}, {at.date().isoformat()}"


def _import_post(job: ArchiveImport, post: OldPost, refusal: str, now: datetime) -> PostFate:
    """Save a post as a draft, unless there is a reason not to, and record what became of it."""
    taken, text = _Pictures(None if job.dry_run else job.fetch), Converted("")
    if not refusal:
        try:
            text = _converted(post, taken)
        except Invalid as error:
            refusal = str(error)
    with job.sessions.reading() if job.dry_run else job.sessions.in_turn() as session:
        fate = (
            PostFate(post.title or post.slug or post.key, reason=refusal)
            if refusal
            else _save_draft(session, job, post, text, taken, now)
        )
        job.record(session, fate)
    return fate


def _converted(post: OldPost, taken: _Pictures) -> Converted:
    if post.html:
        return convert.html_to_markdown(post.html, taken.name_of)
    return convert.plain_markdown(post.markdown, taken.name_of)


def _save_draft(
    session: Session, job: ArchiveImport, post: OldPost, text: Converted, taken: _Pictures, now: datetime
) -> PostFate:
    at = post.posted_at or now
    slug = slugs.free_slug(session, slugs.slug_of(post.slug or post.title))
    title, subtitle = (words.replace("{{", "{ {") for words in (post.title, post.subtitle))
    form = IssueForm(title=title, subject=_subject(title, at), preheader=subtitle, slug=slug, body=text.markdown)
    name = f"{at.date().isoformat()}-{slug}.md"
    try:
        file = issue_file.parse(issue_form.new_file(form), name)
    except Invalid as error:
        return PostFate(post.title, reason=str(error).replace("\n", "; "), lost=text.lost)
    if not job.dry_run:
        stored_names = {
            each: job.store.keep(session, each, content, now).file_name for each, content in taken.content.items()
        }
        issue = issue_store.create(session, job.publication, Text(file, name, stored_names), AUTHOR, now)
        path = post.path if len(post.path) <= posts.LONGEST_PATH else ""
        row = ImportedPost(
            publication_id=job.publication.id, source=job.source, key=post.key[:LONGEST_KEY], old_path=path
        )
        row.issue_id, row.posted_at = issue.id, at
        session.add(row)
    return PostFate(post.title, slug, lost=text.lost)
