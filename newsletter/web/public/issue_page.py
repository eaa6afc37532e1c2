"""An issue as readers see it on the web: its parsed text, its summary, its first picture, its article."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, Self

from newsletter.characters import as_text
from newsletter.delivery.message import merge
from newsletter.editorial.issues import archive, issue_store
from newsletter.editorial.models import Issue
from newsletter.editorial.rendering import render
from newsletter.editorial.source import issue_file
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.links import Links
from newsletter.publications import Publication

_WORDS_A_MINUTE = 220
_WORD = re.compile(r"\w+")
_TO_NOBODY = dict.fromkeys(merge.EDITORS, "")


class CorrectionNote(NamedTuple):
    """What was corrected, and when."""

    at: datetime
    text: str


class CoverImage(NamedTuple):
    """An issue's first picture, by its kept name."""

    file_name: str
    alt: str


@dataclass(frozen=True, slots=True)
class PublishedIssue:
    """A published issue, as its letter was frozen, or as it was corrected since."""

    slug: str
    publication: Publication
    published_at: datetime
    file: IssueFile
    pictures: tuple[tuple[str, str], ...]
    """From the name in the text to the kept name."""
    modified_at: datetime
    """When it went out, or was corrected last."""
    corrections: tuple[CorrectionNote, ...] = ()
    """The newest first."""

    @classmethod
    def of(cls, issue: Issue) -> Self:
        """The printed side of an issue that the archive shows."""
        published_at, revision = archive.published_text(issue)
        pictures = tuple(issue_store.picture_names(revision).items())
        file = _parsed(revision.source, issue.file_name)
        notes = tuple(CorrectionNote(each.made_at, each.note) for each in reversed(issue.corrections))
        return cls(issue.slug, issue.publication, published_at, file, pictures, archive.changed_at(issue), notes)

    @property
    def summary(self) -> str:
        """What the inbox shows beside the subject, written to nobody by name."""
        return merge.compile(self.file.preheader, merge.EDITORS).fill(_TO_NOBODY, as_text)

    @property
    def minutes(self) -> int:
        """How long it takes to read."""
        return max(1, round(len(_WORD.findall(self.file.body)) / _WORDS_A_MINUTE))

    @property
    def cover(self) -> CoverImage | None:
        """The first picture, if there is one."""
        kept = dict(self.pictures)
        return next((CoverImage(kept[each.name], each.alt) for each in self.file.pictures), None)

    def article(self, site: str = "") -> str:
        """Sanitised HTML; `site` goes before the pictures' paths where it is read elsewhere than on our pages."""
        return _article(self.file, self.pictures, site)


# What they are made from is frozen, so the answers never change; making them takes milliseconds.
@lru_cache(maxsize=256)
def _parsed(source: str, file_name: str) -> IssueFile:
    return issue_file.parse(source, file_name)


@lru_cache(maxsize=256)
def _article(file: IssueFile, pictures: tuple[tuple[str, str], ...], site: str) -> str:
    kept = dict(pictures)
    return render.issue_page(file, lambda name: f"{site}/pictures/{kept[name]}")


def structured_data(issue: PublishedIssue, links: Links) -> dict[str, Any]:
    """An issue as search engines read it, in JSON-LD (schema.org); every address is whole."""
    return {"@context": "https://schema.org", "@graph": [_article_data(issue, links), _trail(issue, links)]}


def _article_data(issue: PublishedIssue, links: Links) -> dict[str, Any]:
    file, publication = issue.file, issue.publication
    return {
        "@type": "Article",
        "headline": file.title,
        "description": issue.summary,
        "datePublished": issue.published_at.isoformat(),
        "dateModified": issue.modified_at.isoformat(),
        "author": {"@type": "Organization", "name": file.author or publication.name},
        "publisher": {"@type": "Organization", "name": publication.name, "url": links.home(publication.named)},
        "mainEntityOfPage": links.archive(issue.slug),
        "image": [links.picture(issue.cover.file_name)] if issue.cover else [],
        "correction": [note.text for note in issue.corrections],
        "citation": [source.url for source in file.sources],
    }


def _trail(issue: PublishedIssue, links: Links) -> dict[str, Any]:
    category, asked = issue.file.category, issue.publication.named
    middle = [(category, links.archive(publication=asked, category=category))] if category else []
    crumbs = [("Home", links.home(asked)), *middle, (issue.file.title, links.archive(issue.slug))]
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": name, "item": url}
            for place, (name, url) in enumerate(crumbs, 1)
        ],
    }
