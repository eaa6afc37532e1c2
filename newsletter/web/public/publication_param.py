"""Choosing: which publication a page of readers is about."""

from newsletter import publications
from newsletter.db import Session
from newsletter.errors import NotFound
from newsletter.publications import Publication


def publication_of(session: Session, slug: str | None) -> Publication:
    """The publication of that slug, or the first if none is asked for; NotFound tells readers of no other."""
    if not slug:
        return first_publication(session)
    publication = publications.by_slug(session, slug)
    if publication is None:
        raise NotFound("There is no such newsletter here. The address may be cut short or out of date.")
    return publication


def first_publication(session: Session) -> Publication:
    """The publication that is meant without a name; NotFound before there is any."""
    publication = publications.first(session)
    if publication is None:
        raise NotFound("Nothing is published here yet. Come back soon.")
    return publication
