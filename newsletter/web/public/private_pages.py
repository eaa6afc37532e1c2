"""Pages whose URL is a reader's key: not cached, not sent as a referrer, not indexed."""

import re
from typing import Any

from flask import Blueprint, Flask, Response, render_template

from newsletter.audience.models import Subscription
from newsletter.audience.signup_limits import TooManyRequests
from newsletter.errors import Invalid
from newsletter.i18n.messages import lazy_gettext
from newsletter.web import error_pages, security
from newsletter.web.public import refusal_tally

# Where a mail program breaks a line (RFC 2045, 6.7), and characters that nobody sees.
_BREAKS = re.compile(r"=(?![0-9A-F]{2})\s*|[\s\u00ad\u200b-\u200d\u2060\ufeff]+")
_KEY = re.compile(r"[A-Za-z0-9_-]+")


class _PrivatePages(Blueprint):
    """A blueprint of such pages, whose URLs may also end in a slash."""

    def add_url_rule(self, rule: str, *args: Any, **options: Any) -> None:
        """Register a page."""
        super().add_url_rule(rule, *args, **{"strict_slashes": False, **options})


def init_app(app: Flask) -> None:
    """Accept a key in a URL even if a mail program added something to it."""
    app.url_value_preprocessor(_mend_key)


def blueprint(name: str, module: str) -> Blueprint:
    """A blueprint for such pages; an invalid key gets a 404 that reveals nothing."""
    made = _PrivatePages(name, module)
    security.keep_private(made)
    made.register_error_handler(Invalid, _no_such_key)
    made.register_error_handler(TooManyRequests, _too_many)
    return made


def reader_page(template: str, subscription: Subscription, /, **values: Any) -> str:
    """A page about one reader, in the language that they chose, or else in that of the publication."""
    return render_template(template, publication=subscription.publication, language=subscription.language, **values)


def _mend_key(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Take off what mail programs add to a key: a full stop or bracket after it, `&gt;`, `=3D`, line breaks.

    The seal in the key tells whether it is whole.
    """
    if values and "token" in values:
        found = _KEY.search(_BREAKS.sub("", values["token"]))
        values["token"] = found[0] if found else values["token"]


def _too_many(error: TooManyRequests) -> Response:
    if error.reason:
        refusal_tally.count_refusal(error.form, error.reason)
    return error_pages.refused(error)


def _no_such_key(_error: Invalid) -> Response:
    return error_pages.page(
        lazy_gettext("It may be cut short or broken over two lines. Open it again from the email, in one piece."),
        404,
        lazy_gettext("This link does not work"),
    )
