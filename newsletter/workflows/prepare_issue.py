"""Prepare an issue: parse its text, render its mail and check it, once for all who ask."""

from dataclasses import dataclass, replace
from functools import lru_cache

from newsletter.editorial import preflight
from newsletter.editorial.issues import archive, issue_store
from newsletter.editorial.models import Issue, Revision, Size
from newsletter.editorial.rendering import render
from newsletter.editorial.rendering.render import Branding, Rendered
from newsletter.editorial.source import issue_file
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.links import Links

_Pictures = tuple[tuple[str, str, Size | None], ...]

_Ingredients = tuple[str, str, _Pictures, Branding, preflight.Facts]


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
