"""A draft for somebody without an account: a signed link that expires shows the issue as the archive would."""

from flask import Response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from newsletter.editorial.issues import issue_store
from newsletter.errors import NotFound
from newsletter.i18n.messages import lazy_gettext
from newsletter.links import Expired
from newsletter.web import error_pages
from newsletter.web.context import now, services
from newsletter.web.public import private_pages
from newsletter.web.public.issue_page import PublishedIssue

blueprint = private_pages.blueprint("draft", __name__)


@blueprint.get("/draft/<token>")
def show(token: str) -> str | AnyResponse:
    """The newest text of an issue that is not out; one that is out is shown in the archive."""
    issue_id, created_second, until = services().links.open_draft(token, now())
    with services().sessions.reading() as session:
        issue = issue_store.by_id(session, issue_id)
        if issue is None or int(issue.created_at.timestamp()) != created_second:
            raise NotFound(lazy_gettext("This draft has been deleted. Ask whoever sent you the link."))
        letter = issue.letter
        if letter and letter.started_at:
            return redirect(url_for("archive.issue", slug=issue.slug))
        draft = PublishedIssue.from_draft(issue, letter.due_at if letter else now())
        return render_template(
            "site/draft.html", publication=draft.publication, issue=draft, until=until, is_draft=True
        )


@blueprint.errorhandler(Expired)
def expired(_error: Expired) -> Response:
    """Say whom to ask."""
    return error_pages.page(
        lazy_gettext("Ask whoever sent it to you for a new one."), 410, lazy_gettext("This link has expired")
    )
