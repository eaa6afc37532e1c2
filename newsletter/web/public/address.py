"""Changing one's address, by the link that was sent to the new one, or back again, by the link sent to the old one."""

from flask import Response

from newsletter.addresses.masking import mask_address
from newsletter.audience import change_address
from newsletter.audience.change_address import AddressChange
from newsletter.i18n.messages import lazy_gettext
from newsletter.links import Expired
from newsletter.web import error_pages
from newsletter.web.context import client, now, services
from newsletter.web.public import private_pages

blueprint = private_pages.blueprint("address", __name__)


@blueprint.get("/address/<token>")
def show(token: str) -> str:
    """The button; or that the address has been changed."""
    with services().sessions.reading() as session:
        return _page(token, change_address.open_change(session, services().audience, token, now()))


@blueprint.post("/address/<token>")
def change(token: str) -> str:
    """Change the address; a second request has no effect."""
    with services().sessions.begin() as session:
        return _page(token, change_address.change_address(session, services().audience, token, client(), now()))


@blueprint.errorhandler(Expired)
def expired(_error: Expired) -> Response:
    """Say where to ask for a new link."""
    return error_pages.page(
        lazy_gettext(
            "Nothing has changed. Open your preferences from the link in any of our emails, and ask for a new one."
        ),
        410,
        lazy_gettext("This link has expired"),
    )


def _page(token: str, change: AddressChange) -> str:
    return private_pages.reader_page(
        "site/address.html",
        change.subscription,
        token=token,
        change=change,
        present=mask_address(change.subscription.subscriber.email),
        target=mask_address(change.target.email),
    )
