"""Messages after an act, with a button to undo it or to do the next thing; and the page that shows them."""

import re
from collections.abc import Sequence

from flask import flash, request, url_for

from newsletter.editorial.models import Issue
from newsletter.web.desk import lookup

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def flash_with_action(sentence: str, button: str, action: str, found: Issue) -> None:
    """Show a message on the next page, with a button that posts to `action` about the issue as it is now."""
    flash_with_fields(sentence, button, action, [("version", lookup.version(found))])


def flash_with_fields(sentence: str, button: str, action: str, fields: Sequence[tuple[str, str]]) -> None:
    """Show a message on the next page, with a button that posts these fields to `action`, and leads back as it did."""
    if back := request.form.get("back", ""):
        fields = [*fields, ("back", back)]
    # A dict, because flashed messages are stored in the session's cookie.
    flash({"sentence": sentence, "button": button, "action": action, "fields": fields})  # type: ignore[arg-type]


def asked_back() -> str:
    """The page to return to after a form was sent, from `?back=`: `calendar`, a month, or nothing."""
    back = request.args.get("back", "")
    return back if back == "calendar" or _month_in(back) else ""


def return_url(slug: str, anchor: str | None = "queue") -> str:
    """The page to redirect to after an act on an issue: the calendar if its form was there, else the issue's own."""
    back = request.form.get("back", "")
    if month := _month_in(back):
        return url_for("desk.calendar", month=month)
    if back == "calendar":
        return url_for("desk.calendar", _anchor=anchor)
    return url_for("desk.issue", slug=slug)


def month_back() -> str | None:
    """The month whose view a form of the calendar was on; None if it was not on one."""
    return _month_in(request.form.get("back", "")) or None


def _month_in(back: str) -> str:
    return back if _MONTH.fullmatch(back) else ""
