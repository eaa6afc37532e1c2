"""Comments on an issue: the page with all of them and the form, and the button that reports one.

The form stands on a page of its own, so that the issue's page stays the same for everybody and can be kept.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from newsletter.audience.address import Address
from newsletter.audience.models import Subscription
from newsletter.audience.refusals import FormKind, Reason
from newsletter.audience.signup_limits import TooManyRequests
from newsletter.db import HIGHEST_ID, Session, group_commit
from newsletter.editorial.issues import archive
from newsletter.editorial.models import Issue
from newsletter.engagement import comments, comments_text
from newsletter.errors import Conflict, NotFound
from newsletter.i18n.messages import lazy_gettext
from newsletter.web import error_pages
from newsletter.web.context import client, now, row_id, services
from newsletter.web.forms import FormGuard, fault_of
from newsletter.web.public import form_guard, private_pages, refusal_tally
from newsletter.workflows import comment_on_issue
from newsletter.workflows.comment_on_issue import CommentPlace, Posted, TypedComment

blueprint = Blueprint("comments", __name__)
signed = private_pages.blueprint("signed_comments", __name__)

_A_PAGE = 50
_MOST_PAGES = 10_000
# Far more than a comment may have, so that whoever pastes too much is told how much, and keeps it.
_FORM_BYTES = 256 * 1024
_NO_SUCH_PAGE = lazy_gettext("There is no such page. Start again from the first one.")
_NOTICES = {
    "held": lazy_gettext("Thank you. Your comment will appear here once we have read it."),
    "shown": lazy_gettext("Thank you. Your comment appears below."),
    "reported": lazy_gettext("Thank you. We will look at this comment."),
}


@dataclass(frozen=True, slots=True)
class _CommentForm:
    """A submitted comment form, and what tells bots from people."""

    typed: TypedComment = field(default_factory=TypedComment)
    guard: FormGuard = field(default_factory=FormGuard)

    @classmethod
    def parse(cls, form: MultiDict[str, str]) -> Self:
        """The form from its fields; missing ones are empty."""
        parent_id = form.get("parent", type=lambda text: row_id(text, HIGHEST_ID))
        typed = TypedComment(
            form.get("name", ""), form.get("email", ""), form.get("text", ""), parent_id, bool(form.get("reply_mail"))
        )
        return cls(typed, FormGuard.parse(form))

    def faults(self, place: CommentPlace, *, is_signed: bool) -> dict[str, str]:
        """For each invalid field, a sentence that says how to correct it."""
        faults = {
            "name": fault_of(lambda name: comment_on_issue.parse_name(name, place.own_names), self.typed.name),
            "email": "" if is_signed else fault_of(Address.parse, self.typed.email),
            "text": fault_of(comments_text.parse_text, self.typed.text),
        }
        return {name: sentence for name, sentence in faults.items() if sentence}


@blueprint.get("/archive/<slug>/comments")
@signed.get("/archive/<slug>/comments/<token>")
def show(slug: str, token: str = "") -> AnyResponse:
    """The comments, newest first, and the form; `?reply=` names the comment to reply to, `?page=` pages."""
    parent_id = request.args.get("reply", type=lambda text: row_id(text, HIGHEST_ID))
    form = _CommentForm(TypedComment(parent_id=parent_id))
    return _page(slug, token, form, notice=_NOTICES.get(request.args.get("done", ""), ""))


@blueprint.post("/archive/<slug>/comments")
@signed.post("/archive/<slug>/comments/<token>")
def send(slug: str, token: str = "") -> AnyResponse:
    """Store a comment, which waits for a moderator unless the publication's rule says otherwise."""
    form, at = _CommentForm.parse(request.form), now()
    with services().sessions.reading() as session:
        signer = _signer(session, slug, token)
        signer_id = signer.id if signer else None
        try:
            place = CommentPlace.open(session, slug, at)
        except Conflict as error:
            return _page(slug, token, form, 409, notice=str(error))
    if form.guard.is_trapped:
        _count(Reason.TRAP)
        return _done(slug, token, "held")
    if faults := form.faults(place, is_signed=signer_id is not None):
        return _page(slug, token, form, 422, faults)
    if not form.guard.took_long_enough(services().links, at):
        _count(Reason.TOO_QUICK)
        return _page(slug, token, form, 400, notice=form_guard.TOO_QUICK)
    if signer_id is None and (reason := _asks_to_wait(form)):
        _count(reason)
        return _wait(slug, form)
    try:
        posted = _post(form.typed, place, signer_id, at)
    except Conflict as error:
        return _page(slug, token, form, 409, notice=str(error))
    if posted.refusal:
        _count(posted.refusal)
    return _done(slug, token, "shown" if posted.is_shown else "held")


def _post(typed: TypedComment, place: CommentPlace, signer_id: int | None, at: datetime) -> Posted:
    audience, who = services().audience, client()
    return group_commit.write(
        services().sessions,
        lambda store: comment_on_issue.post_comment(store, audience, place, typed, signer_id, who, at),
    )


@blueprint.get("/archive/<slug>/comments/<id:comment_id>/report")
def report_form(slug: str, comment_id: int) -> str:
    """The comment, and the button that reports it."""
    with services().sessions.reading() as session:
        issue = archive.find(session, slug)
        comment = comments.find_shown(session, issue.id, comment_id)
        return render_template(
            "site/comment_report.html",
            publication=issue.publication,
            issue=issue,
            comment=comment,
            to_html=comments_text.render_comment,
        )


@blueprint.post("/archive/<slug>/comments/<id:comment_id>/report")
def report(slug: str, comment_id: int) -> AnyResponse:
    """Report the comment to the team."""
    audience, who, at = services().audience, client(), now()
    with services().sessions.reading() as session:
        issue_id = archive.find(session, slug).id
    group_commit.write(
        services().sessions,
        lambda session: comment_on_issue.report_comment(session, audience, issue_id, comment_id, who, at),
    )
    return _done(slug, "", "reported")


def _make_room(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    # Before any form is parsed, which the CSRF check does.
    request.max_content_length = _FORM_BYTES


def _once_more(_error: CSRFError) -> AnyResponse:
    """The form again, with what was typed."""
    return _form_again(400, form_guard.ONCE_MORE)


def _later(error: TooManyRequests) -> AnyResponse:
    """The form again, to be sent in an hour."""
    again = _form_again if error.form is FormKind.COMMENT else lambda _status, _notice: error_pages.refused(error)
    return form_guard.come_back_later(error, again)


for _each in (blueprint, signed):
    _each.url_value_preprocessor(_make_room)
    _each.register_error_handler(CSRFError, _once_more)
    _each.register_error_handler(TooManyRequests, _later)


def _form_again(status: int, notice: str) -> AnyResponse:
    place = request.view_args or {}
    if "comment_id" in place:
        return error_pages.page(notice, status, lazy_gettext("Please click the button again"), request.path)
    return _page(place["slug"], place.get("token", ""), _CommentForm.parse(request.form), status, notice=notice)


def _page(
    slug: str,
    token: str,
    form: _CommentForm,
    status: int = 200,
    faults: dict[str, str] | None = None,
    *,
    notice: str = "",
) -> AnyResponse:
    with services().sessions.reading() as session:
        signer = _signer(session, slug, token)
        if token and signer is None and status == 200:
            return redirect(url_for("comments.show", slug=slug), 303)
        issue, page = archive.find(session, slug), _page_number()
        html = render_template(
            "site/comments.html",
            publication=issue.publication,
            language=signer.language if signer else None,
            issue=issue,
            discussion=_discussion(session, issue, page),
            page=page,
            is_open=comment_on_issue.takes_comments(issue, now()),
            form=form.typed,
            replied_to=_replied_to(session, issue, form.typed.parent_id),
            faults=faults or {},
            notice=notice,
            is_refused=status >= 400,
            token=token if signer else "",
            signer=comment_on_issue.masked_signer(signer) if signer else "",
            to_html=comments_text.render_comment,
            most=comments_text.MOST_CHARACTERS,
        )
    answer = make_response(html, status)
    if request.method == "POST" or token:
        # It contains what somebody typed, or their key.
        answer.headers["Cache-Control"] = "no-store"
    return answer


def _page_number() -> int:
    page = request.args.get("page", 1, type=int)
    if not 1 <= page <= _MOST_PAGES:
        raise NotFound(_NO_SUCH_PAGE)
    return page


def _discussion(session: Session, issue: Issue, page: int) -> comments.Discussion:
    found = comments.discussion(session, issue.id, skip=(page - 1) * _A_PAGE, limit=_A_PAGE)
    if page > 1 and not found.threads:
        raise NotFound(_NO_SUCH_PAGE)
    return found


def _replied_to(session: Session, issue: Issue, parent_id: int | None) -> comments.Comment | None:
    if parent_id is None:
        return None
    try:
        return comments.find_shown(session, issue.id, parent_id)
    except NotFound:
        # What was typed in reply is kept, and can be sent as a comment of its own.
        if request.method == "POST":
            return None
        raise


def _signer(session: Session, slug: str, token: str) -> Subscription | None:
    return comment_on_issue.open_signing_link(session, services().audience, slug, token) if token else None


def _asks_to_wait(form: _CommentForm) -> Reason | None:
    with services().sessions.reading() as session:
        return form_guard.asks_to_wait(session, FormKind.COMMENT, form.guard, form.typed.email)


def _wait(slug: str, form: _CommentForm) -> Response:
    typed = form.typed
    fields = {"name": typed.name, "email": typed.email, "text": typed.text}
    fields |= {"parent": str(typed.parent_id)} if typed.parent_id is not None else {}
    fields |= {"reply_mail": "1"} if typed.wants_reply_mail else {}
    with services().sessions.reading() as session:
        publication = archive.find(session, slug).publication
        return form_guard.wait_page(
            form.guard, publication, url_for(".send", slug=slug), fields, lazy_gettext("Send my comment")
        )


def _done(slug: str, token: str, done: str) -> AnyResponse:
    if token:
        return redirect(url_for("signed_comments.show", slug=slug, token=token, done=done), 303)
    return redirect(url_for("comments.show", slug=slug, done=done), 303)


def _count(reason: Reason) -> None:
    refusal_tally.count_refusal(FormKind.COMMENT, reason)
