"""Where lists come from: one module for each program, and how a file's source is recognised.

To add one, copy a module, name it here, and give the tests a file of its kind (tests/audience/sources).
"""

from collections.abc import Sequence

from newsletter.audience.importing.headers import normalized
from newsletter.audience.importing.sources.beehiiv import BEEHIIV
from newsletter.audience.importing.sources.brevo import BREVO
from newsletter.audience.importing.sources.buttondown import BUTTONDOWN
from newsletter.audience.importing.sources.emailoctopus import EMAILOCTOPUS
from newsletter.audience.importing.sources.ghost import GHOST
from newsletter.audience.importing.sources.keila import KEILA
from newsletter.audience.importing.sources.kit import KIT
from newsletter.audience.importing.sources.listmonk import LISTMONK
from newsletter.audience.importing.sources.mailchimp import MAILCHIMP
from newsletter.audience.importing.sources.mailerlite import MAILERLITE
from newsletter.audience.importing.sources.mautic import MAUTIC
from newsletter.audience.importing.sources.newsletter_press import NEWSLETTER_PRESS
from newsletter.audience.importing.sources.plain import PLAIN
from newsletter.audience.importing.sources.sendy import SENDY, is_sendy_name
from newsletter.audience.importing.sources.source import Source
from newsletter.audience.importing.sources.substack import SUBSTACK
from newsletter.errors import Invalid

PEERS = (
    *(MAILCHIMP, SUBSTACK, GHOST, LISTMONK, KIT, BEEHIIV, BUTTONDOWN, MAILERLITE),
    *(MAUTIC, BREVO, SENDY, KEILA, EMAILOCTOPUS, NEWSLETTER_PRESS),
)
MEMBERS = [source.members for source in PEERS if source.members]
"""Patterns for the names of the lists in the peers' zips."""
SOURCES = {source.name: source for source in (*PEERS, PLAIN)}


def recognised_source(first_row: Sequence[str], name: str) -> Source:
    """The source whose headers match best, of a file with this first row and this name; a plain list if none does."""
    if len(first_row) > 1 and "@" in first_row[1] and is_sendy_name(name):
        return SENDY
    headers = [normalized(title) for title in first_row]
    best = max(PEERS, key=lambda source: source.score(headers))
    return best if best.score(headers) else PLAIN


def has_bare_quotes(name: str) -> bool:
    """Whether quotation marks inside of cells are not doubled in a file of that name."""
    return is_sendy_name(name)


def source_named(name: str) -> Source:
    """The source that `--source` names; Invalid, naming those that there are, for another."""
    try:
        return SOURCES[name.strip().casefold()]
    except KeyError:
        raise Invalid(f"no source is called {name!r}; known are: {', '.join(SOURCES)}") from None
