"""The Atom feed, the sitemap and robots.txt."""

import re
from math import ceil

from flask import Blueprint, Response, abort, render_template, request

from newsletter import publications
from newsletter.editorial.issues import archive
from newsletter.web.context import services
from newsletter.web.public import publication_param
from newsletter.web.public.archive import cacheable
from newsletter.web.public.issue_page import PublishedIssue

blueprint = Blueprint("feeds", __name__)

# Characters that XML cannot contain even escaped (XML 1.0, 2.2), stored before they were refused.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_LATEST = 20
_A_MAP = 1_500


@blueprint.get("/feed.xml")
def feed() -> Response:
    """The newest issues of a publication in full (Atom, RFC 4287)."""
    with services().sessions.reading() as session:
        publication = publication_param.publication_of(session, request.args.get("publication"))
        issues = [
            PublishedIssue.of(issue) for issue in session.scalars(archive.published(publication.id).limit(_LATEST))
        ]
        updated = max((issue.modified_at for issue in issues), default=publication.created_at)
        shown = render_template("site/feed.xml", publication=publication, issues=issues, updated=updated)
    return cacheable(Response(_NOT_XML.sub("", shown), mimetype="application/atom+xml"), updated)


@blueprint.get("/sitemap.xml")
def sitemap() -> Response:
    """The pages for search engines (sitemaps.org); if there are very many, an index of sitemaps (`?page=`)."""
    with services().sessions.reading() as session:
        every = session.scalars(publications.all_publications()).all()
        issues = archive.changes(session)
    pages, page = range(1, max(1, ceil(len(issues) / _A_MAP)) + 1), request.args.get("page", type=int)
    if page is None and len(pages) > 1:
        shown = render_template("site/sitemap_index.xml", pages=pages)
    elif page is None or page in pages:
        mine = issues[_A_MAP * ((page or 1) - 1) :][:_A_MAP]
        shown = render_template("site/sitemap.xml", publications=every if page in {None, 1} else (), issues=mine)
    else:
        abort(404)
    return cacheable(Response(shown, mimetype="application/xml"))


@blueprint.get("/robots.txt")
def robots() -> Response:
    """The paths that robots should not visit (RFC 9309)."""
    shown = render_template("site/robots.txt")
    return cacheable(Response(shown, mimetype="text/plain"))
