"""A publication's own branding: its colours as a stylesheet, and its privacy page."""

import hashlib

from flask import Blueprint, Flask, Response, make_response, render_template, request
from markupsafe import Markup

from newsletter.editorial.rendering import theme
from newsletter.editorial.source import markdown
from newsletter.i18n.messages import lazy_gettext
from newsletter.publications import Publication, contact, wordings
from newsletter.publications.wordings import WordingKind
from newsletter.web import consent_wording
from newsletter.web.context import services
from newsletter.web.public import publication_param
from newsletter.web.public.page_cache import cacheable, cached

blueprint = Blueprint("dressing", __name__)

_FOREVER = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    """Give templates `look_version` and `contact_links`."""
    app.jinja_env.filters.update(look_version=look_version)
    app.jinja_env.globals.update(contact_links=contact_links)


@blueprint.get("/look/<publication>.css")
def style(publication: str) -> Response:
    """The publication's colours as a stylesheet, linked from every page."""
    with services().sessions.reading() as session:
        found = publication_param.publication_of(session, publication)
        inks = theme.with_accents(found.accent or "", found.accent_dark or "")
    dark = f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {_names(inks.dark)} }} }}"
    answer = make_response(f":root {{ {_names(inks.light)} }}\n{dark}\n")
    answer.mimetype = "text/css"
    answer.headers["Cache-Control"] = _FOREVER if request.args.get("v") == look_version(found) else "no-cache"
    return answer


@blueprint.get("/privacy")
@cached
def privacy() -> Response:
    """The publication's privacy page, with the date of its text."""
    with services().sessions.reading() as session:
        publication = publication_param.publication_of(session, request.args.get("publication"))
        own = wordings.newest(session, publication, WordingKind.PRIVACY)
        html = markdown.to_html(consent_wording.current_wording(session, publication, WordingKind.PRIVACY).text, str)
        since = own.created_at if own else None
        page = render_template(
            "site/privacy.html",
            publication=publication,
            words=Markup(html),  # noqa: S704  (sanitised)
            since=since,
        )
        return cacheable(make_response(page), since)


def look_version(publication: Publication) -> str:
    """The part of the stylesheet's URL that changes with the colours."""
    return hashlib.sha256(f"{publication.accent} {publication.accent_dark}".encode()).hexdigest()[:12]


def contact_links(publication: Publication) -> list[tuple[str, str]]:
    """Where readers ask and book, each with its name; only what there is."""
    found = (
        (lazy_gettext("Ask us a question"), contact.ask_url(publication, "")),
        (lazy_gettext("Book a session"), contact.booking_url(publication, "")),
    )
    return [(name, url) for name, url in found if url]


def _names(colours: theme.Colours) -> str:
    deep = f"color-mix(in srgb, {colours['accent']} 82%, {colours['ink']})"
    return f"--accent: {colours['accent']}; --accent-deep: {deep}; --on-accent: {colours['on_accent']};"
