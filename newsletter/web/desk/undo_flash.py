"""Offers: what is said after an act, with a button for what comes next or takes it back; and where that is said."""

from flask import flash, request, url_for

from newsletter.editorial.models import Issue
from newsletter.web.desk import lookup


def flash_with_action(sentence: str, button: str, action: str, found: Issue) -> None:
    """Say a sentence on the next page, beside a button that posts to `action` about the issue as it is now."""
    # A dict, because what is flashed travels in the session's cookie.
    flash({"sentence": sentence, "button": button, "action": action, "version": lookup.version(found)})  # type: ignore[arg-type]


def return_url(slug: str) -> str:
    """The page that an act on an issue leads back to: the calendar if its form stood there, else the issue's own."""
    if request.form.get("back") == "calendar":
        return url_for("desk.calendar", _anchor="queue")
    return url_for("desk.issue", slug=slug)
