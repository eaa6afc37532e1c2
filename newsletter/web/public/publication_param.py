"""The `publication` parameter of public pages."""

from newsletter import publications
from newsletter.db import Session
from newsletter.errors import NotFound
from newsletter.i18n.messages import lazy_gettext
from newsletter.publications import Publication


def publication_of(session: Session, slug: str | None) -> Publication:
    """The publication of that slug, or the first if none is given; NotFound, without naming any others."""
    return _required(publications.by_slug(session, slug) if slug else publications.first(session), slug)


def snapshot_of(session: Session, slug: str | None) -> Publication:
    """The same as a value to read, for pages that many ask for at once (`publications.find_snapshot`)."""
    return _required(publications.find_snapshot(session, slug), slug)


def _required(publication: Publication | None, slug: str | None) -> Publication:
    if publication is not None:
        return publication
    if slug:
        raise NotFound(lazy_gettext("There is no such newsletter here. The address may be cut short or out of date."))
    raise NotFound(lazy_gettext("Nothing is published here yet. Come back soon."))
