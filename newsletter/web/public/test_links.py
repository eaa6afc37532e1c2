"""The targets of links in test mails: a page that says what the real link does, without doing it."""

from flask import Blueprint, Response, abort, render_template, request

from newsletter.i18n.messages import lazy_gettext
from newsletter.web import security
from newsletter.web.security import without_token

blueprint = Blueprint("harmless", __name__)
security.keep_private(blueprint)

_WHAT = {
    "unsubscribe": lazy_gettext("In the real email it unsubscribes its reader with one click."),
    "preferences": lazy_gettext(
        "In the real email it opens its reader's preferences: breaks, unsubscribing, their data."
    ),
    "comments": "In the real email it opens the comments on the issue, and signs what its reader writes there.",
}


@blueprint.get("/test-mail/<link>")
def show(link: str) -> str:
    """Say that it was a test."""
    return _page(link)


# As for the real link, a mail program may post for the reader (RFC 8058).
@blueprint.post("/test-mail/<link>")
@without_token
def press(link: str) -> str | Response:
    """Say the same after the button, or to the mail program."""
    if request.form.get("List-Unsubscribe") == "One-Click":
        return Response("This was a test email; nothing has changed.\n", mimetype="text/plain")
    return _page(link)


def _page(link: str) -> str:
    if link not in _WHAT:
        abort(404)
    return render_template("site/test_mail.html", sentence=_WHAT[link], publication=None)
