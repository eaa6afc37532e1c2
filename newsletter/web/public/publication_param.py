"""The `publication` parameter of public pages."""

from newsletter import publications
from newsletter.db import Session
from newsletter.errors import NotFound
from newsletter.publications import Publication


def publication_of(session: Session, slug: str | None) -> Publication:
    """The publication of that slug, or the first if none is given; NotFound, without naming any others."""
    if not slug:
        return first_publication(session)
    publication = publications.by_slug(session, slug)
    if publication is None:
        raise NotFound("There is no such newsletter here. The address may be cut short or out of date.")
    return publication


def first_publication(session: Session) -> Publication:
    """The default publication; NotFound if there is none yet."""
    publication = publications.first(session)
    if publication is None:
        raise NotFound("Nothing is published here yet. Come back soon.")
    return publication
