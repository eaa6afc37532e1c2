"""Messages after an act, with a button to undo it or to do the next thing; and the page that shows them."""

from collections.abc import Sequence

from flask import flash, request, url_for

from newsletter.editorial.models import Issue
from newsletter.web.desk import lookup


def flash_with_action(sentence: str, button: str, action: str, found: Issue) -> None:
    """Show a message on the next page, with a button that posts to `action` about the issue as it is now."""
    flash_with_fields(sentence, button, action, [("version", lookup.version(found))])


def flash_with_fields(sentence: str, button: str, action: str, fields: Sequence[tuple[str, str]]) -> None:
    """Show a message on the next page, with a button that posts these fields to `action`."""
    # A dict, because flashed messages are stored in the session's cookie.
    flash({"sentence": sentence, "button": button, "action": action, "fields": fields})  # type: ignore[arg-type]


def return_url(slug: str) -> str:
    """The page to redirect to after an act on an issue: the calendar if its form was there, else the issue's own."""
    if request.form.get("back") == "calendar":
        return url_for("desk.calendar", _anchor="queue")
    return url_for("desk.issue", slug=slug)
