"""Pages whose URL is a reader's key: not cached, not sent as a referrer, not indexed."""

from flask import Blueprint, Response

from newsletter.errors import Invalid
from newsletter.web import error_pages, security


def blueprint(name: str, module: str) -> Blueprint:
    """A blueprint for such pages; an invalid key gets a 404 that reveals nothing."""
    made = Blueprint(name, module)
    security.keep_private(made)
    made.register_error_handler(Invalid, _no_such_key)
    return made


def _no_such_key(_error: Invalid) -> Response:
    return error_pages.page(
        "It may be cut short or broken over two lines. Open it again from the email, in one piece.",
        404,
        "This link does not work",
    )
