"""Contact: the topics that readers may ask about, and where they ask and book: our own page, or one set by the team."""

from newsletter.i18n.messages import lazy_gettext
from newsletter.links import Links
from newsletter.publications.models import Publication

DEFAULT_TOPICS = (
    lazy_gettext("Something I read here"),
    lazy_gettext("My own situation"),
    lazy_gettext("Appointments and prices"),
    lazy_gettext("Something else"),
)


def request_topics(publication: Publication) -> tuple[str, ...]:
    """What a request may be about."""
    return tuple(publication.request_topics) or DEFAULT_TOPICS


def ask_url(publication: Publication, links: Links) -> str:
    """Where readers ask a question; empty if nowhere."""
    ours = links.ask(publication.named) if publication.takes_requests else ""
    return publication.ask_url or ours


def booking_url(publication: Publication, links: Links) -> str:
    """Where readers book a session; empty if nowhere."""
    ours = links.book(publication.named) if publication.takes_requests else ""
    return publication.booking_url or ours


def team_address(publication: Publication) -> str:
    """Where mail from readers goes."""
    return publication.reply_to or publication.sender_address
