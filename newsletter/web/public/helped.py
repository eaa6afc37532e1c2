"""“Did this help?”: the page that the two links in a letter lead to, with one button that counts the answer."""

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from newsletter.audience import signup_limits
from newsletter.audience.refusals import FormKind
from newsletter.audience.signup_limits import TooManyRequests
from newsletter.db import Session, group_commit
from newsletter.editorial.issues import archive
from newsletter.engagement import helpfulness
from newsletter.engagement.helpfulness import Answer
from newsletter.web import error_pages
from newsletter.web.context import client, now, services
from newsletter.web.public import form_guard

blueprint = Blueprint("helped", __name__)


@blueprint.get("/archive/<slug>/helped")
def show(slug: str) -> str:
    """The button; a link scanner that follows the link counts nothing."""
    with services().sessions.reading() as session:
        issue = archive.find(session, slug)
        return render_template(
            "site/helped.html",
            publication=issue.publication,
            issue=issue,
            answer=_answer(request.args.get("answer", Answer.YES)),
            is_counted="counted" in request.args,
        )


@blueprint.post("/archive/<slug>/helped")
def answer(slug: str) -> AnyResponse:
    """Count the answer."""
    pressed, audience, who, at = _answer(request.form.get("answer", "")), services().audience, client(), now()
    # Found before writing, because an issue is read with its whole letter.
    with services().sessions.reading() as session:
        issue_id = archive.find(session, slug).id

    def count(session: Session) -> None:
        signup_limits.count_client(session, audience, who, at, FormKind.HELPED)
        helpfulness.count_answer(session, issue_id, pressed)

    group_commit.write(services().sessions, count)
    return redirect(url_for(".show", slug=slug, answer=pressed.value, counted="1"), 303)


@blueprint.errorhandler(TooManyRequests)
def later(error: TooManyRequests) -> Response:
    """The page that asks to come back in an hour."""
    return form_guard.come_back_later(error, lambda status, sentence: error_pages.page(sentence, status))


def _answer(word: str) -> Answer:
    return Answer(word) if word in set(Answer) else abort(404)
