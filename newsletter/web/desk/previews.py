"""Previews of an issue: the mail for a sample reader, in a sandboxed frame."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask import Response, request

from newsletter.characters import as_text
from newsletter.delivery.message import merge, permission_reminder
from newsletter.delivery.reports import clicks
from newsletter.editorial.models import Issue
from newsletter.editorial.rendering import render
from newsletter.i18n import formats
from newsletter.web.context import services
from newsletter.web.desk import lookup
from newsletter.workflows import build_letter, prepare_issue

VIEWS = {"phone": "Phone", "desktop": "Desktop", "dark": "Dark", "images-off": "Images off", "text": "Text"}
SAMPLE = {"name": "Alex", "email": "alex@example.org"}
"""The sample reader."""

_DARK = "(prefers-color-scheme: dark)"
# A media query that always holds, and one that never does, so that the page and not the system selects dark mode.
_ALWAYS, _NEVER = "(min-width: 0)", "(max-width: 0)"


class MailParts(Protocol):
    """The parts of a mail: a frozen letter, or one rendered just now."""

    @property
    def subject(self) -> str: ...
    @property
    def html(self) -> str: ...
    @property
    def text(self) -> str: ...


def current_mail(issue: Issue) -> MailParts:
    """The mail that will go out, or went out: the frozen letter if there is one, else the newest revision."""
    return build_letter.frozen_letter(issue) or prepare_issue.prepare(issue, services().links).mail


def chosen_view(asked: Mapping[str, str], views: Collection[str] = VIEWS) -> str:
    """The view asked for, if it is one of these; the phone by default."""
    wanted = asked.get("view", "")
    return wanted if wanted in views else "phone"


def preview_html(slug: str) -> Response:
    """The mail for the frame: `?view=dark` in dark mode, `?view=images-off` without pictures."""
    wanted = chosen_view(request.args)
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        html = preview_document(current_mail(found).html, wanted, found.publication.language)
    return sandboxed(Response(html, mimetype="text/html"), with_pictures=wanted != "images-off")


def preview_text(slug: str) -> Response:
    """The mail's plain-text part."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        text = as_sample(current_mail(found).text, found.publication.language)
    return sandboxed(Response(text, mimetype="text/plain"), with_pictures=False)


def preview_document(template: str, wanted: str, language: str) -> str:
    """The HTML as the sample reader gets it, for a frame with that view."""
    html = _filled(clicks.without_tracking(template, services().links), merge.as_html, language)
    # Links open in a new tab, because the frame can show nothing else.
    html = html.replace("<head>", '<head><base target="_blank">', 1)
    return html.replace(_DARK, _ALWAYS if wanted == "dark" else _NEVER)


def as_sample(template: str, language: str = formats.LANGUAGE) -> str:
    """A line or the plain text as the sample reader gets it."""
    return _filled(template, as_text, language)


def _filled(template: str, escape: Callable[[str], str], language: str) -> str:
    fields = render.FIELDS["issue"]
    why = permission_reminder.reminder(None, None, ZoneInfo("UTC"), language)
    # Personal links lead nowhere.
    values = {**dict.fromkeys(fields, "#"), **SAMPLE, "why": why}
    return merge.compile(template, fields).fill(values, escape)


def sandboxed(answer: Response, *, with_pictures: bool, reached_by_desk: bool = False) -> Response:
    """The answer, sandboxed: no scripts, no forms; `reached_by_desk` lets a page of the desk change it."""
    origin = urlsplit(services().links.picture(""))
    pictures = f"'self' {origin.scheme}://{origin.netloc}" if with_pictures else "'none'"
    sandbox = "sandbox allow-popups allow-popups-to-escape-sandbox" + " allow-same-origin" * reached_by_desk
    answer.headers["Content-Security-Policy"] = (
        f"{sandbox}; default-src 'none'; style-src 'unsafe-inline'; "
        f"img-src {pictures}; form-action 'none'; frame-ancestors 'self'"
    )
    return answer
