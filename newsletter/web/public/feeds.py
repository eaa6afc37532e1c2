"""The feeds (Atom, RSS, JSON Feed), the sitemap and robots.txt."""

import re
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from flask import Blueprint, Response, abort, json, render_template, request
from werkzeug.http import http_date

from newsletter import publications
from newsletter.db import Session
from newsletter.editorial.issues import archive
from newsletter.publications import Publication
from newsletter.web.context import services
from newsletter.web.public import publication_param
from newsletter.web.public.issue_page import PublishedIssue
from newsletter.web.public.page_cache import cacheable, cached

blueprint = Blueprint("feeds", __name__)

# Characters that XML cannot contain even escaped (XML 1.0, 2.2), stored before they were refused.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_LATEST = 20
_A_MAP = 1_500


@dataclass(frozen=True, slots=True)
class _Feed:
    """A publication with its newest issues."""

    publication: Publication
    issues: list[PublishedIssue]

    @property
    def updated(self) -> datetime:
        """When one of the issues last changed."""
        return max((issue.modified_at for issue in self.issues), default=self.publication.created_at)


@blueprint.get("/feed.xml")
@cached
def feed() -> Response:
    """The newest issues of a publication in full (Atom, RFC 4287)."""
    return _xml_feed("site/feed.xml", "application/atom+xml")


@blueprint.get("/feed.rss")
@cached
def rss() -> Response:
    """The same as RSS 2.0 (rssboard.org)."""
    return _xml_feed("site/rss.xml", "application/rss+xml")


@blueprint.get("/feed.json")
@cached
def json_feed() -> Response:
    """The same as JSON Feed 1.1 (jsonfeed.org)."""
    with services().sessions.reading() as session:
        found = _newest(session)
        document, updated = json.dumps(_json_feed(found)), found.updated
    return cacheable(Response(document, mimetype="application/feed+json"), updated)


@blueprint.get("/sitemap.xml")
@cached
def sitemap() -> Response:
    """The pages for search engines (sitemaps.org); if there are very many, an index of sitemaps (`?page=`)."""
    with services().sessions.reading() as session:
        every = session.scalars(publications.all_publications()).all()
        issues = archive.changes(session)
    pages, page = range(1, max(1, ceil(len(issues) / _A_MAP)) + 1), request.args.get("page", type=int)
    if page is None and len(pages) > 1:
        document = render_template("site/sitemap_index.xml", pages=pages)
    elif page is None or page in pages:
        mine = issues[_A_MAP * ((page or 1) - 1) :][:_A_MAP]
        document = render_template("site/sitemap.xml", publications=every if page in {None, 1} else (), issues=mine)
    else:
        abort(404)
    return cacheable(Response(document, mimetype="application/xml"))


@blueprint.get("/robots.txt")
@cached
def robots() -> Response:
    """The paths that robots should not visit (RFC 9309)."""
    document = render_template("site/robots.txt")
    return cacheable(Response(document, mimetype="text/plain"))


def _xml_feed(template: str, media_type: str) -> Response:
    with services().sessions.reading() as session:
        found = _newest(session)
        values = {"publication": found.publication, "issues": found.issues, "updated": found.updated}
        document = render_template(template, content=_content, http_date=http_date, **values)
    return cacheable(Response(_NOT_XML.sub("", document), mimetype=media_type), found.updated)


def _newest(session: Session) -> _Feed:
    publication = publication_param.publication_of(session, request.args.get("publication"))
    issues = session.scalars(archive.published(publication.id).limit(_LATEST))
    return _Feed(publication, [PublishedIssue.from_issue(issue) for issue in issues])


def _content(issue: PublishedIssue) -> str:
    """An issue in full as HTML: its corrections, article, reviewer and sources."""
    return render_template("site/feed_content.html", publication=issue.publication, issue=issue)


def _json_feed(found: _Feed) -> dict[str, Any]:
    publication, links = found.publication, services().links
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": publication.name,
        "home_page_url": links.home(publication.named),
        "feed_url": links.feed(publication.named, "json"),
        "description": publication.tagline or publication.name,
        "language": publication.language,
        "authors": [{"name": publication.name}],
        "items": [_json_item(issue) for issue in found.issues],
    }


def _json_item(issue: PublishedIssue) -> dict[str, Any]:
    links = services().links
    url = links.archive(issue.slug)
    return {
        "id": url,
        "url": url,
        "title": issue.file.title,
        "content_html": _content(issue),
        "summary": issue.summary,
        "date_published": issue.published_at.isoformat(),
        "date_modified": issue.modified_at.isoformat(),
        "authors": [{"name": issue.file.author or issue.publication.name}],
        "tags": list(issue.file.tags),
        **({"image": links.picture(issue.cover.file_name)} if issue.cover else {}),
    }
