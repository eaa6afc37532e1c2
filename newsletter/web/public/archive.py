"""The archive: published issues and their pictures, for anybody to read, search and cache."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import Blueprint, Response, make_response, render_template, request

from newsletter.characters import label_key
from newsletter.db import Session
from newsletter.editorial.images import variants
from newsletter.editorial.images.pictures import MEDIA_TYPES
from newsletter.editorial.images.variants import Variant
from newsletter.editorial.issues import archive, archive_search
from newsletter.editorial.issues.archive import LabelCount
from newsletter.editorial.issues.indexing import LabelKind
from newsletter.engagement import comments, comments_text
from newsletter.errors import NotFound
from newsletter.i18n.collation import sort_key
from newsletter.i18n.messages import lazy_gettext
from newsletter.publications import Publication
from newsletter.publications.wordings import WordingKind
from newsletter.web import consent_wording
from newsletter.web.context import now, services
from newsletter.web.forms import SignUpForm
from newsletter.web.public import publication_param
from newsletter.web.public.issue_page import PublishedIssue, structured_data
from newsletter.web.public.page_cache import cacheable, cached

blueprint = Blueprint("archive", __name__)

_A_PAGE = 20
_MEDIA_TYPES = {**MEDIA_TYPES, "webp": "image/webp"}
_RELATED = 3
_THREADS = 10
_MOST_PAGES = 10_000
_A_DAY = "public, max-age=86400"
_FOREVER = "public, max-age=31536000, immutable"
_NO_SUCH_LABEL = {
    LabelKind.CATEGORY: lazy_gettext("No issue has this category. Choose another in the archive."),
    LabelKind.TAG: lazy_gettext("No issue has this tag. Choose another in the archive."),
    LabelKind.AUTHOR: lazy_gettext("No issue has this author. Choose another in the archive."),
}


class _Label(NamedTuple):
    """A category, tag or author by which the archive is listed."""

    kind: LabelKind
    name: str

    @property
    def heading(self) -> str:
        """The heading of its list of issues."""
        if self.kind is LabelKind.TAG:
            return lazy_gettext("Tagged “%(tag)s”", tag=self.name)
        return lazy_gettext("By %(author)s", author=self.name) if self.kind is LabelKind.AUTHOR else self.name

    @property
    def query(self) -> dict[str, str]:
        """The query parameter of its list."""
        return {self.kind.value: self.name}


@blueprint.get("/archive/")
@cached
def index() -> Response:
    """The issues of a publication, newest first, twenty a page; of one category, tag or author if requested."""
    with services().sessions.reading() as session:
        publication, page = _publication_and_page(session)
        label = _label(session, publication)
        found = _issues_on_page(session, publication, label, page)
        if not found and page != 1:
            raise _no_such_page()
        lists = {} if label or page > 1 else _lists(session, publication)
        chosen = None if label or page > 1 else archive.start_here(session, publication)
        start = PublishedIssue.from_issue(chosen) if chosen else None
        values = {"label": label, "lists": lists, "start": start, "page": page, "has_older": len(found) > _A_PAGE}
        html = render_template("site/archive.html", publication=publication, issues=found[:_A_PAGE], **values)
    return cacheable(make_response(html), max((each.modified_at for each in found), default=None))


@blueprint.get("/search")
def search() -> Response:
    """The published issues that contain the words typed, twenty a page, with these words marked."""
    query = archive_search.Query.parse(request.args.get("q", ""))
    with services().sessions.reading() as session:
        publication, page = _publication_and_page(session)
        skip = (page - 1) * _A_PAGE
        found = archive_search.search(session, publication.id, query, skip=skip, limit=_A_PAGE) if query.words else None
        if page != 1 and not (found and found.issues):
            raise _no_such_page()
        values = {"query": query, "found": found, "page": page}
        values["has_more"] = found is not None and found.total > page * _A_PAGE
        html = render_template("site/search.html", publication=publication, **values)
    answer = cacheable(make_response(html))
    answer.make_conditional(request)
    return answer


@blueprint.get("/archive/<slug>/")
@cached
def issue(slug: str) -> Response:
    """An issue, with links to its neighbours and to related issues, and the sign-up form."""
    with services().sessions.reading() as session:
        found = archive.find(session, slug)
        printed, neighbours = PublishedIssue.from_issue(found), archive.neighbours(session, found)
        related = archive.related(session, found, neighbours, _RELATED)
        discussion = comments.discussion(session, found.id, limit=_THREADS)
        html = render_template(
            "site/issue.html",
            publication=printed.publication,
            issue=printed,
            is_draft=False,
            neighbours=neighbours,
            related=related,
            data=structured_data(printed, services().links, discussion),
            discussion=discussion,
            takes_comments=found.publication.takes_comments(printed.published_at, now()),
            to_html=comments_text.render_comment,
            form=SignUpForm(),
            faults={},
            words=consent_wording.current_wording(session, printed.publication, WordingKind.SIGN_UP),
        )
    # The page also changes with the issues it leads to: when one is published after it, or has its title corrected.
    near = [archive.changed_at(one) for one in (*neighbours, *related) if one]
    # A comment may be erased without a trace, so where there are some, only the ETag tells whether the page changed.
    modified = None if discussion.threads else max([printed.modified_at, *near])
    return cacheable(make_response(html), modified)


@blueprint.get("/archive/<slug>/share.png")
def share_image(slug: str) -> Response:
    """The picture that other sites show beside a link to an issue."""
    from newsletter.editorial.images import share_image as drawing  # Pillow takes memory, and few processes need it

    with services().sessions.reading() as session:
        found = PublishedIssue.from_issue(archive.find(session, slug))
        card = drawing.Card.for_issue(found.file.title, found.publication)
    answer = Response(mimetype="image/png")
    answer.headers["Cache-Control"] = _A_DAY
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.set_etag(card.digest)
    if card.digest not in request.if_none_match:
        answer.set_data(drawing.draw(card))
    answer.make_conditional(request)
    return answer


@blueprint.get("/pictures/<file_name>")
def picture(file_name: str) -> Response:
    """A picture of an issue, or a variant; its name is a hash of its content, so it may be cached for ever."""
    wanted, store = Variant.parse(file_name), services().pictures
    if wanted is None:
        found = store.open(file_name)
    else:
        with services().sessions.reading() as session:
            found = variants.open_variant(store, session, wanted)
    stem, _, ending = file_name.partition(".")
    answer = Response(found.chunks, mimetype=_MEDIA_TYPES[ending])
    answer.content_length = found.size
    answer.headers["Cache-Control"] = _FOREVER
    # Mail programs in a browser show it on pages of another site.
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.set_etag(stem)
    answer.make_conditional(request)
    return answer


def _publication_and_page(session: Session) -> tuple[Publication, int]:
    """The publication and the page number requested; NotFound if there can be no such page."""
    publication = publication_param.publication_of(session, request.args.get("publication"))
    page = request.args.get("page", 1, type=int)
    if not 1 <= page <= _MOST_PAGES:
        raise _no_such_page()
    return publication, page


def _label(session: Session, publication: Publication) -> _Label | None:
    """The label requested, as the archive writes it; NotFound if no published issue has it."""
    kind = next((each for each in LabelKind if request.args.get(each)), None)
    if kind is None:
        return None
    key = label_key(request.args[kind])
    for label in archive.labels(session, publication.id, kind):
        if label_key(label.name) == key:
            return _Label(kind, label.name)
    raise NotFound(_NO_SUCH_LABEL[kind])


def _lists(session: Session, publication: Publication) -> dict[LabelKind, Sequence[LabelCount]]:
    language = publication.language
    return {
        kind: sorted(archive.labels(session, publication.id, kind), key=lambda each: sort_key(each.name, language))
        for kind in LabelKind
    }


def _issues_on_page(
    session: Session, publication: Publication, label: _Label | None, page: int
) -> list[PublishedIssue]:
    """The issues of a page, and one more if there is a next page."""
    issues = archive.published(publication.id)
    wanted = archive.labelled(issues, label.kind, label.name) if label else issues
    some = wanted.offset((page - 1) * _A_PAGE).limit(_A_PAGE + 1)
    return [PublishedIssue.from_issue(issue) for issue in session.scalars(some)]


def _no_such_page() -> NotFound:
    return NotFound(
        lazy_gettext("There is no such page; the list may have become shorter. Start again from its first page.")
    )
