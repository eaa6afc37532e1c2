"""The archive: published issues and their pictures, for anybody to read and cache."""

import re
from datetime import datetime

from flask import Blueprint, Response, abort, make_response, render_template, request
from werkzeug.http import generate_etag

from newsletter.db import Session
from newsletter.editorial.images.pictures import MEDIA_TYPES
from newsletter.editorial.issues import archive
from newsletter.publications import Publication
from newsletter.publications.wordings import WordingKind
from newsletter.web import consent_wording
from newsletter.web.context import services
from newsletter.web.forms import SignUpForm
from newsletter.web.public import publication_param
from newsletter.web.public.issue_page import PublishedIssue, structured_data

blueprint = Blueprint("archive", __name__)

_A_PAGE = 20
_RELATED = 3
_MOST_PAGES = 10_000
_FOREVER = "public, max-age=31536000, immutable"


@blueprint.get("/archive/")
def index() -> Response:
    """The issues of a publication, newest first, twenty a page; only of one category if requested."""
    category, page = request.args.get("category", ""), request.args.get("page", 1, type=int)
    with services().sessions.reading() as session:
        publication = publication_param.publication_of(session, request.args.get("publication"))
        found = _issues_on_page(session, publication, category, page) if 1 <= page <= _MOST_PAGES else []
        if not found and (category or page != 1):
            abort(404)
        values = {"category": category, "page": page, "has_older": len(found) > _A_PAGE}
        values["categories"] = [] if category or page > 1 else archive.categories(session, publication.id)
        html = render_template("site/archive.html", publication=publication, issues=found[:_A_PAGE], **values)
    return cacheable(make_response(html), max((each.modified_at for each in found), default=None))


@blueprint.get("/archive/<slug>/")
def issue(slug: str) -> Response:
    """An issue, with links to its neighbours and to related issues, and the sign-up form."""
    with services().sessions.reading() as session:
        found = archive.find(session, slug)
        printed, neighbours = PublishedIssue.from_issue(found), archive.neighbours(session, found)
        related = archive.related(session, found, neighbours, _RELATED)
        html = render_template(
            "site/issue.html",
            publication=printed.publication,
            issue=printed,
            neighbours=neighbours,
            related=related,
            data=structured_data(printed, services().links),
            form=SignUpForm(),
            faults={},
            words=consent_wording.current_wording(session, printed.publication, WordingKind.SIGN_UP),
        )
    # The page also changes with the issues it leads to: when one is published after it, or has its title corrected.
    near = [archive.changed_at(one) for one in (*neighbours, *related) if one]
    return cacheable(make_response(html), max([printed.modified_at, *near]))


@blueprint.get("/pictures/<file_name>")
def picture(file_name: str) -> Response:
    """A picture of an issue; its name is a hash of its content, so it may be cached for ever."""
    found = services().pictures.open(file_name)
    stem, _, ending = file_name.partition(".")
    answer = Response(found.chunks, mimetype=MEDIA_TYPES[ending])
    answer.content_length = found.size
    answer.headers["Cache-Control"] = _FOREVER
    # Mail programs in a browser show it on pages of another site.
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.set_etag(stem)
    answer.make_conditional(request)
    return answer


_FORM_TIME = re.compile(rb'name="shown" value="[^"]*"')


def cacheable(answer: Response, modified: datetime | None = None) -> Response:
    """Let anybody cache this answer for a minute, and revalidate it by its ETag."""
    answer.headers["Cache-Control"] = "public, max-age=60"
    answer.last_modified = modified
    # Without the time at which its form was shown, which would make each page different.
    answer.set_etag(generate_etag(_FORM_TIME.sub(b"", answer.get_data())))
    answer.make_conditional(request)
    return answer


def _issues_on_page(session: Session, publication: Publication, category: str, page: int) -> list[PublishedIssue]:
    """The issues of a page, and one more if there is a next page."""
    issues = archive.published(publication.id)
    # PostgreSQL rejects a NUL in a parameter.
    wanted = archive.in_category(issues, category.replace("\0", "")) if category else issues
    some = wanted.offset((page - 1) * _A_PAGE).limit(_A_PAGE + 1)
    return [PublishedIssue.from_issue(issue) for issue in session.scalars(some)]
