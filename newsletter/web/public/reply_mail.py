"""Emails about replies to a comment: the page that confirms them, and the one that stops them."""

from flask import Response, render_template, request

from newsletter.db import Session
from newsletter.editorial.models import Issue
from newsletter.engagement import comments_replies
from newsletter.engagement.comments import Comment, ReplyMail
from newsletter.errors import NotFound
from newsletter.i18n.messages import lazy_gettext
from newsletter.links import Expired
from newsletter.web import error_pages
from newsletter.web.context import now, services
from newsletter.web.public import private_pages
from newsletter.web.security import without_token

blueprint = private_pages.blueprint("reply_mail", __name__)


@blueprint.get("/comments/replies/<token>")
def confirm_form(token: str) -> str:
    """The button that confirms; or that it has been pressed."""
    with services().sessions.reading() as session:
        return _page(session, services().links.open_reply_mail(token, now()), wanted=True)


@blueprint.post("/comments/replies/<token>")
def confirm(token: str) -> str:
    """Mail replies to the writer of the comment; a second request has no effect."""
    with services().sessions.begin() as session:
        comment_id = services().links.open_reply_mail(token, now())
        comments_replies.set_reply_mail(session, comment_id, ReplyMail.CONFIRMED)
        return _page(session, comment_id, wanted=True)


@blueprint.get("/comments/stop/<token>")
def stop_form(token: str) -> str:
    """The button that stops the emails; or that they have been stopped."""
    with services().sessions.reading() as session:
        return _page(session, services().links.open_reply_stop(token), wanted=False)


# The mail program that posts for the reader has neither our cookie nor our form (RFC 8058); the link is the proof.
@blueprint.post("/comments/stop/<token>")
@without_token
def stop(token: str) -> str | Response:
    """Stop them at once, for all comments of this writer on the issue."""
    comment_id, is_one_click = services().links.open_reply_stop(token), "List-Unsubscribe" in request.form
    with services().sessions.begin() as session:
        comments_replies.set_reply_mail(session, comment_id, ReplyMail.NONE)
        if is_one_click:
            return Response("You will get no more emails about replies.\n", mimetype="text/plain")
        return _page(session, comment_id, wanted=False)


@blueprint.errorhandler(Expired)
def expired(_error: Expired) -> Response:
    """Say that it is too late to confirm."""
    return error_pages.page(
        lazy_gettext("It worked for seven days, and you get no emails about replies."),
        410,
        lazy_gettext("This link has expired"),
    )


def _page(session: Session, comment_id: int, *, wanted: bool) -> str:
    comment = session.get(Comment, comment_id)
    issue = session.get(Issue, comment.issue_id) if comment else None
    if comment is None or issue is None:
        raise NotFound(
            lazy_gettext("The comment that this link is about is no longer here, and nothing is mailed about it.")
        )
    return render_template(
        "site/reply_mail.html",
        publication=issue.publication,
        issue=issue,
        wanted=wanted,
        is_done=(comment.reply_mail is ReplyMail.CONFIRMED) is wanted,
    )
