"""Unsubscribing by a link with one button, and one-click unsubscribe by the mail program (RFC 8058)."""

from flask import Response, render_template, request

from newsletter.audience import status_transitions, unsubscribe
from newsletter.audience.models import Channel, Status, Subscription
from newsletter.web.context import client, now, services
from newsletter.web.public import private_pages
from newsletter.web.security import without_token

blueprint = private_pages.blueprint("leaving", __name__)


@blueprint.get("/unsubscribe/<token>")
def show(token: str) -> str:
    """The button; or that the reader has unsubscribed."""
    with services().sessions.reading() as session:
        subscription = unsubscribe.open_unsubscribe_link(session, services().audience, token)
        page = "leave" if subscription.status not in status_transitions.ENDED else "left"
        return _page(page, token, subscription)


# The mail program that posts for the reader has neither our cookie nor our form; the link is the proof.
@blueprint.post("/unsubscribe/<token>")
@without_token
def leave(token: str) -> str | Response:
    """Unsubscribe at once; a second request has no effect."""
    is_one_click = request.form.get("List-Unsubscribe") == "One-Click"
    way = Channel.ONE_CLICK if is_one_click else Channel.LINK
    # A mail program does not show an error page, nor try again.
    with services().sessions.begin(urgent=is_one_click) as session:
        subscription = unsubscribe.unsubscribe_by_link(session, services().audience, token, way, client(), now())
        if is_one_click:
            return Response("You have unsubscribed.\n", mimetype="text/plain")
        return _page("left", token, subscription)


@blueprint.post("/unsubscribe/<token>/undo")
def undo(token: str) -> str:
    """Undo the unsubscribe."""
    with services().sessions.begin() as session:
        return _page("back", token, unsubscribe.undo_unsubscribe(session, services().audience, token, client(), now()))


@blueprint.post("/unsubscribe/<token>/reason")
def give_reason(token: str) -> str:
    """Store the reason, if the reader gives one."""
    with services().sessions.begin() as session:
        unsubscribe.record_reason(session, services().audience, token, request.form.get("reason", ""), now())
        return _page(
            "left", token, unsubscribe.open_unsubscribe_link(session, services().audience, token), has_reason=True
        )


def _page(name: str, token: str, subscription: Subscription, *, has_reason: bool = False) -> str:
    left_at = subscription.left_at
    return render_template(
        f"site/{name}.html",
        publication=subscription.publication,
        token=token,
        preferences_url=services().links.preferences(subscription.id),
        can_undo=subscription.status is Status.UNSUBSCRIBED
        and left_at is not None
        and now() - left_at <= unsubscribe.UNDO,
        has_reason=has_reason,
    )
