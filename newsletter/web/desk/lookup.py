"""Finding the issue that a request is about, and making sure that it is still the one its page showed."""

from collections.abc import Mapping

from newsletter.db import Session
from newsletter.editorial import shelf
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict, NotFound


def issue(store: Session, slug: str) -> Issue:
    """The issue of that slug; NotFound in the desk's own words."""
    try:
        # PostgreSQL cannot even be asked about a NUL.
        return shelf.find(store, slug.replace("\0", ""))
    except NotFound:
        raise NotFound(
            f"There is no issue “{slug}”. It may have been renamed; the list of issues has them all."
        ) from None


def version(found: Issue) -> str:
    """What a form carries to say which text, in which state, its page showed."""
    return f"{found.revision_number}.{found.letter_id or 0}.{shelf.state(found)}"


def unchanged(store: Session, slug: str, form: Mapping[str, str]) -> Issue:
    """The issue, if it is still as the form's page showed it; Conflict, and nothing is done, if not."""
    found = issue(store, slug)
    if form.get("version") != version(found):
        raise Conflict(
            f"“{found.title}” was changed or moved since this page was opened: it is {shelf.state(found)} now, "
            f"revision {found.revision_number}. Nothing was done. Look at it again, then decide."
        )
    return found
