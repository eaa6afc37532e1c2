"""Contact: the topics that readers may ask about, and where they ask and book: on our pages, or on the team's own."""

from newsletter.i18n.messages import lazy_gettext
from newsletter.publications.models import Publication

_DEFAULT_TOPICS = (
    lazy_gettext("Something I read here"),
    lazy_gettext("My own situation"),
    lazy_gettext("Appointments and prices"),
    lazy_gettext("Something else"),
)


PATHS = frozenset({"/ask", "/book", "/subscribe"})
"""The pages that an issue may link to by their path alone."""


def request_topics(publication: Publication) -> tuple[str, ...]:
    """What a request may be about."""
    return tuple(publication.request_topics) or _DEFAULT_TOPICS


def ask_url(publication: Publication, site: str) -> str:
    """Where readers ask a question; empty if nowhere. `site` is the URL of ours, empty for a link within it."""
    return publication.ask_url or _page(publication, site, "/ask")


def booking_url(publication: Publication, site: str) -> str:
    """Where readers book a session; empty if nowhere."""
    return publication.booking_url or _page(publication, site, "/book")


def pages(publication: Publication, site: str) -> tuple[tuple[str, str], ...]:
    """The pages that an issue may link to by their path alone, each with its URL; only those that there are."""
    subscribe = f"{site}/subscribe?publication={publication.slug}"
    found = (
        ("/ask", ask_url(publication, site)),
        ("/book", booking_url(publication, site)),
        ("/subscribe", subscribe),
    )
    return tuple((path, url) for path, url in found if url)


def team_address(publication: Publication) -> str:
    """Where mail from readers goes."""
    return publication.reply_to or publication.sender_address


def _page(publication: Publication, site: str, path: str) -> str:
    if not publication.takes_requests:
        return ""
    return f"{site}{path}{f'?publication={publication.slug}' if publication.named else ''}"
