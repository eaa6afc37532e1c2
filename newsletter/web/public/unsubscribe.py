"""Unsubscribing by a link with one button, and one-click unsubscribe by the mail program (RFC 8058)."""

from contextlib import suppress

from flask import Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from newsletter.addresses.masking import mask_address
from newsletter.audience import preferences, statuses, unsubscribe
from newsletter.audience.models import Channel, Pace, Status, Subscription
from newsletter.db import Session
from newsletter.errors import Invalid, NotFound
from newsletter.web.context import client, now, services
from newsletter.web.public import pause_form, private_pages
from newsletter.web.public.pause_form import PauseForm
from newsletter.web.security import without_token
from newsletter.workflows import monthly_digest

blueprint = private_pages.blueprint("leaving", __name__)


@blueprint.get("/unsubscribe/<token>")
def show(token: str) -> str:
    """The button; or that the reader has unsubscribed."""
    return _show(token)


def _show(token: str, pause_fault: str = "") -> str:
    with services().sessions.reading() as session:
        subscription = unsubscribe.open_unsubscribe_link(session, services().audience, token)
        page = "leave" if subscription.status not in statuses.ENDED else "left"
        return _page(session, page, token, subscription, pause_fault)


# The mail program that posts for the reader has neither our cookie nor our form; the link is the proof.
@blueprint.post("/unsubscribe/<token>")
@without_token
def leave(token: str) -> str | Response:
    """Unsubscribe at once; a second request has no effect."""
    if request.form.get("List-Unsubscribe") == "One-Click":
        return _one_click(token)
    with services().sessions.begin() as session:
        return _page(session, "left", token, _unsubscribe(session, token, Channel.LINK))


def _one_click(token: str) -> Response:
    # A mail program does not show an error page, nor try again.
    with services().sessions.begin(urgent=True) as session, suppress(NotFound):
        # An erased reader gets no more mail either, so the answer is true for them as well.
        _unsubscribe(session, token, Channel.ONE_CLICK)
    return Response("You have unsubscribed.\n", mimetype="text/plain")


def _unsubscribe(session: Session, token: str, channel: Channel) -> Subscription:
    return unsubscribe.unsubscribe_by_link(session, services().audience, token, channel, client(), now())


@blueprint.post("/unsubscribe/<token>/undo")
def undo(token: str) -> str:
    """Undo the unsubscribe."""
    with services().sessions.begin() as session:
        subscription = unsubscribe.undo_unsubscribe(session, services().audience, token, client(), now())
        return _page(session, "back", token, subscription)


@blueprint.post("/unsubscribe/<token>/pause")
def pause(token: str) -> AnyResponse:
    """Take a break instead, which undoes the unsubscribe."""
    audience = services().audience
    try:
        until = pause_form.parse_until(request.form)
        with services().sessions.begin() as session:
            subscription = unsubscribe.undo_unsubscribe(session, audience, token, client(), now())
            preferences.pause(session, audience, subscription, until, client(), now())
            return redirect(f"{services().links.preferences(subscription.id)}?done=pause", 303)
    except Invalid as error:
        return Response(_show(token, str(error)), 422)


@blueprint.post("/unsubscribe/<token>/monthly")
def read_monthly(token: str) -> AnyResponse:
    """Get one digest a month instead, which undoes the unsubscribe."""
    audience = services().audience
    with services().sessions.begin() as session:
        subscription = unsubscribe.undo_unsubscribe(session, audience, token, client(), now())
        monthly_digest.choose_pace(session, audience, subscription, Pace.MONTHLY, client(), now())
        return redirect(f"{services().links.preferences(subscription.id)}?done=pace", 303)


@blueprint.post("/unsubscribe/<token>/reason")
def give_reason(token: str) -> str:
    """Store the reason, if the reader gives one."""
    with services().sessions.begin() as session:
        reason = request.form.get("reason", "")
        subscription = unsubscribe.record_reason(session, services().audience, token, reason, now())
        return _page(session, "left", token, subscription)


def _page(session: Session, name: str, token: str, subscription: Subscription, pause_fault: str = "") -> str:
    left_at = subscription.left_at
    return private_pages.reader_page(
        f"site/{name}.html",
        subscription,
        token=token,
        address=mask_address(subscription.subscriber.email),
        pauses=PauseForm.for_publication(subscription.publication, now()),
        pause_fault=pause_fault,
        is_monthly=subscription.pace is Pace.MONTHLY,
        offers_digest=monthly_digest.is_offered(subscription) and subscription.pace is not Pace.MONTHLY,
        preferences_url=services().links.preferences(subscription.id),
        can_undo=subscription.status is Status.UNSUBSCRIBED
        and left_at is not None
        and now() - left_at <= unsubscribe.UNDO,
        has_reason=unsubscribe.has_explained(session, subscription),
    )
