"""Confirming a sign-up: the link only shows a button, because mail scanners open links. The button confirms."""

from flask import Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from newsletter import publications
from newsletter.audience import signup, statuses, subscribers
from newsletter.audience.models import Status, Subscription
from newsletter.audience.refusals import FormKind
from newsletter.db import Session
from newsletter.editorial.issues import archive
from newsletter.errors import NotFound
from newsletter.links import Expired
from newsletter.publications import Publication
from newsletter.publications.wordings import WordingKind
from newsletter.web import consent_wording
from newsletter.web.context import client, now, services
from newsletter.web.forms import version
from newsletter.web.public import private_pages, refusal_tally
from newsletter.workflows.calendar import Calendar

blueprint = private_pages.blueprint("confirming", __name__)


@blueprint.get("/confirm/<token>")
def show(token: str) -> str | AnyResponse:
    """The confirm button; or the status, if there is nothing to confirm any more."""
    with services().sessions.reading() as session:
        subscription = signup.open_confirm_link(session, services().audience, token, now())
        if subscription.status in statuses.SUBSCRIBED:
            return _welcome(session, subscription)
        if subscription.status is not Status.PENDING:
            return redirect(url_for("public.form", publication=subscription.publication.slug), 303)
        publication = subscription.publication
        words = consent_wording.current_wording(session, publication, WordingKind.CONFIRM, subscription.language)
        return private_pages.reader_page("site/confirm.html", subscription, token=token, words=words)


@blueprint.post("/confirm/<token>")
def confirm(token: str) -> str:
    """Confirm; a second request has no effect."""
    with services().sessions.begin() as session:
        audience = services().audience
        asked = signup.open_confirm_link(session, audience, token, now())
        words = consent_wording.wording_of_version(
            session, asked.publication, WordingKind.CONFIRM, version(request.form), asked.language
        )
        confirmed = signup.confirm(session, audience, token, client(), words, now()).id
    # The page is made after the transaction: foreseeing the next issue may take a check of each that waits.
    with services().sessions.reading() as session:
        return _welcome(session, subscribers.get(session, confirmed))


@blueprint.post("/confirm/<token>/again")
def again(token: str) -> str:
    """Send a new confirm letter to the address of an old link; the answer is always the same."""
    with services().sessions.begin() as session:
        reason = signup.resend(session, services().audience, token, client(), now())
        page = render_template("site/check_mail.html", publication=_publication(session, token))
    if reason:
        refusal_tally.count_refusal(FormKind.SIGN_UP, reason)
    return page


@blueprint.errorhandler(Expired)
def expired(_error: Expired) -> Response:
    """Offer a new link."""
    token = (request.view_args or {})["token"]
    with services().sessions.reading() as session:
        page = render_template("site/expired.html", publication=_publication(session, token), token=token)
        return make_response(page, 410)


def _publication(session: Session, token: str) -> Publication | None:
    try:
        return subscribers.get(session, services().links.open_stale_confirm(token)).publication
    except NotFound:
        # The reader was erased since, which the page must not reveal.
        return publications.first(session)


def _welcome(session: Session, subscription: Subscription) -> str:
    publication = subscription.publication
    return private_pages.reader_page(
        "site/welcome.html",
        subscription,
        start=archive.start_here(session, publication),
        has_issues=session.scalar(archive.published(publication.id).limit(1)) is not None,
        next_issue_at=Calendar(session, services().links, publication, now(), services().grace).promised(),
        preferences_url=services().links.preferences(subscription.id),
    )
