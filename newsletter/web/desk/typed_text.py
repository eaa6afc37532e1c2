"""Giving text back that was typed into a form which could not be taken: the session has ended, or it came too late."""

from contextlib import suppress

from flask import Response, current_app, make_response, render_template, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge

WRITTEN = (
    *("title", "subject", "preheader", "note", "source", "body", "text", "words", "comment"),
    *("slug", "category", "tags", "author", "reviewed_by", "last_reviewed", "source_title", "source_url"),
    *("name", "tagline", "description", "sender_name", "sender_address", "reply_to", "postal_address"),
    *("email", "others", "consent", "reason", "attribute", "value", "tag", "topics"),
    *("request_topics", "ask_url", "booking_url", "place", "url"),
)
"""The form fields that hold text, with the names shown beside what was typed."""


def typed() -> dict[str, str]:
    """The text of the form, by its fields; none if there is no form, or it is too large to be read."""
    with suppress(RequestEntityTooLarge):
        written = {name: "\n".join(filter(None, map(str.strip, request.form.getlist(name)))) for name in WRITTEN}
        return {name: text.replace("\r\n", "\n") for name, text in written.items() if text}
    return {}


def signed_out_page(text: dict[str, str]) -> Response:
    """The page after the end of a session, with what was typed and the way to sign in."""
    return make_response(render_template("desk/signed_out.html", typed=text, sign_in=way_to_sign_in()), 401)


def way_to_sign_in() -> str:
    """The URL of the sign-in form, which leads back to the page that was asked for."""
    return url_for("desk.sign_in_form", next=_page_asked_for())


def _page_asked_for() -> str | None:
    if request.method == "GET":
        return request.full_path.rstrip("?")
    # After a form that was too late, signing in leads back to the page with the form, if it has its own.
    adapter = current_app.create_url_adapter(request)
    endpoint, _ = adapter.match(request.path, "GET") if adapter else ("", {})
    return None if endpoint.endswith(".no_such_page") else request.full_path.rstrip("?")
