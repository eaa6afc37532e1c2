"""A published issue for its web page: parsed text, summary, cover image, article."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, Self

from markupsafe import Markup

from newsletter.editorial.images import page_html
from newsletter.editorial.issues import archive, issue_store
from newsletter.editorial.issues.issue_store import PictureFile
from newsletter.editorial.models import Issue
from newsletter.editorial.rendering import render
from newsletter.editorial.source import issue_file, markdown, reading_time
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.editorial.source.markdown import Heading
from newsletter.engagement import comments_text
from newsletter.engagement.comments import Comment, Discussion
from newsletter.i18n.messages import gettext
from newsletter.links import Links
from newsletter.publications import Publication, contact

_LONG_READ = 4
"""The reading time in minutes from which an issue has a table of contents."""
_SEVERAL = 3
# The text below a heading, up to the end of its first callout, or to a button.
_SECTION = re.compile(
    r'<h([23])\b[^>]*>(.*?)</h\1>(.*?)(?:(?<=</aside>)|(?=<h[1-3]\b|<p class="action"|\Z))', re.DOTALL
)
_CALLOUT_TITLE = re.compile(r'<p class="callout-title">.*?</p>', re.DOTALL)
_QUESTION_MARKS = ("?", "\u061f", "\uff1f")
"""Also the Arabic and the full-width one."""


class CorrectionNote(NamedTuple):
    """A correction's note and date."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class PublishedIssue:
    """A published issue, as frozen or as corrected since."""

    slug: str
    publication: Publication
    published_at: datetime
    file: IssueFile
    pictures: tuple[PictureFile, ...]
    modified_at: datetime
    """When it was sent, or last corrected."""
    corrections: tuple[CorrectionNote, ...] = ()
    """The newest first."""

    @classmethod
    def from_issue(cls, issue: Issue) -> Self:
        """The published state of an issue in the archive."""
        published_at, revision = archive.published_text(issue)
        pictures = issue_store.picture_files(revision)
        file = _parsed(revision.source, issue.file_name)
        notes = tuple(CorrectionNote(each.made_at, each.note) for each in reversed(issue.corrections))
        return cls(issue.slug, issue.publication, published_at, file, pictures, archive.changed_at(issue), notes)

    @classmethod
    def from_draft(cls, issue: Issue, at: datetime) -> Self:
        """The newest revision of an issue that is not out, as if it went out at that time."""
        pictures = issue_store.picture_files(issue.revision)
        file = issue_store.parse_revision(issue, issue.revision)
        return cls(issue.slug, issue.publication, at, replace(file, title=issue.title), pictures, at)

    @property
    def summary(self) -> str:
        """The preheader, with merge fields as their fallbacks."""
        return render.summary(self.file)

    @property
    def minutes(self) -> int:
        """The reading time."""
        return reading_time.minutes(reading_time.count_words(self.file.body))

    @property
    def cover(self) -> PictureFile | None:
        """The first picture; None if there is none."""
        files = {file.name: file for file in self.pictures}
        return next((files[each.name] for each in self.file.pictures), None)

    def thumbnail(self, *, is_lazy: bool) -> Markup:
        """The cover for a list of issues; empty if there is none."""
        if not (cover := self.cover):
            return Markup()
        return page_html.image(_address(cover), Markup(), cover.size, page_html.IN_LIST, is_lazy=is_lazy)

    @property
    def contents(self) -> list[Heading]:
        """The headings that a table of contents lists; empty for an issue that is soon read."""
        headings = _contents(self.file.body) if self.minutes >= _LONG_READ else []
        return headings if len(headings) >= _SEVERAL else []

    def article(self, site: str = "") -> str:
        """The article as sanitised HTML; `site` is prepended to picture paths where it is read on other sites."""
        pages = contact.pages(self.publication, site)
        return _article(self.file, self.pictures, site, self.publication.language, pages)


# Cached, because the frozen source never changes, and rendering takes milliseconds.
@lru_cache(maxsize=256)
def _parsed(source: str, file_name: str) -> IssueFile:
    return issue_file.parse(source, file_name)


@lru_cache(maxsize=256)
def _article(
    file: IssueFile, pictures: tuple[PictureFile, ...], site: str, language: str, pages: markdown.Pages
) -> str:
    addresses = {each.name: f"{site}{_address(each)}" for each in pictures}
    html = render.issue_page(file, addresses.__getitem__, language, pages)
    # Feed readers show a picture as large as they like, and many know no variants.
    return html if site else page_html.for_page(html, {_address(each): each.size for each in pictures if each.size})


def _address(picture: PictureFile) -> str:
    return f"/pictures/{picture.file_name}"


@lru_cache(maxsize=256)
def _contents(body: str) -> list[Heading]:
    return markdown.contents(body)


def structured_data(issue: PublishedIssue, links: Links, discussion: Discussion | None = None) -> dict[str, Any]:
    """Structured data of an issue for search engines (JSON-LD, schema.org), with absolute URLs."""
    article = _article_data(issue, links) | _comment_data(discussion)
    graph = [article, _trail(issue, links), _page_data(issue, links), *_questions(issue)]
    return {"@context": "https://schema.org", "@graph": graph}


def _article_data(issue: PublishedIssue, links: Links) -> dict[str, Any]:
    file, publication = issue.file, issue.publication
    covers = [links.picture(issue.cover.file_name)] if issue.cover else []
    return {
        "@type": "Article",
        "headline": file.title,
        "description": issue.summary,
        "datePublished": issue.published_at.isoformat(),
        "dateModified": issue.modified_at.isoformat(),
        "author": {"@type": "Organization", "name": file.author or publication.name},
        "publisher": {"@type": "Organization", "name": publication.name, "url": links.home(publication.named)},
        "mainEntityOfPage": {"@id": links.archive(issue.slug)},
        "image": [links.share_image(issue.slug), *covers],
        "correction": [note.text for note in issue.corrections],
        "citation": [source.url for source in file.sources],
    }


def _comment_data(discussion: Discussion | None) -> dict[str, Any]:
    """The comments that the page shows, and how many there are; nothing if there are none."""
    if discussion is None or not discussion.total:
        return {}
    return {"commentCount": discussion.total, "comment": [_one_comment(each) for each in discussion.page_comments]}


def _one_comment(comment: Comment) -> dict[str, Any]:
    return {
        "@type": "Comment",
        "author": {"@type": "Organization" if comment.is_team else "Person", "name": comment.name},
        "dateCreated": comment.created_at.isoformat(),
        "text": _words(comments_text.render_comment(comment.text)),
    }


def _page_data(issue: PublishedIssue, links: Links) -> dict[str, Any]:
    """The page as schema.org describes it, with its review."""
    file, url = issue.file, links.archive(issue.slug)
    reviewer = {"reviewedBy": {"@type": "Organization", "name": file.reviewed_by}} if file.reviewed_by else {}
    last = {"lastReviewed": file.last_reviewed.isoformat()} if file.last_reviewed else {}
    return {"@type": "WebPage", "@id": url, "url": url, "name": file.title, **reviewer, **last}


def _trail(issue: PublishedIssue, links: Links) -> dict[str, Any]:
    category, asked = issue.file.category, issue.publication.named
    middle = [(category, links.archive(publication=asked, category=category))] if category else []
    home = gettext("Home", issue.publication.language)
    crumbs = [(home, links.home(asked)), *middle, (issue.file.title, links.archive(issue.slug))]
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": name, "item": url}
            for place, (name, url) in enumerate(crumbs, 1)
        ],
    }


def _questions(issue: PublishedIssue) -> list[dict[str, Any]]:
    """The headings that ask something, with the text below them as the answer; nothing if there are none."""
    sections = [(_words(title), _words(text)) for _, title, text in _SECTION.findall(issue.article())]
    asked = [
        {"@type": "Question", "name": title, "acceptedAnswer": {"@type": "Answer", "text": text}}
        for title, text in sections
        if title.endswith(_QUESTION_MARKS) and text
    ]
    return [{"@type": "FAQPage", "mainEntity": asked}] if asked else []


def _words(html: str) -> str:
    return Markup(_CALLOUT_TITLE.sub("", html)).striptags()  # noqa: S704  (the result is plain text)
