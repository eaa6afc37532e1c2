"""An issue as search engines read it: schema.org's Article and BreadcrumbList."""

from typing import Any

from newsletter.links import Links
from newsletter.web.public.issue_page import PublishedIssue


def article(issue: PublishedIssue, links: Links) -> dict[str, Any]:
    """The JSON-LD of an issue's page; every address is whole."""
    return {"@context": "https://schema.org", "@graph": [_article(issue, links), _trail(issue, links)]}


def _article(issue: PublishedIssue, links: Links) -> dict[str, Any]:
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
