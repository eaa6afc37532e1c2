"""Finding the issue that a request is about, and making sure that it is still the one its page showed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request

from newsletter.db import Session
from newsletter.delivery.models import Letter
from newsletter.editorial.issues import corrections, issue_store
from newsletter.editorial.models import Correction, Issue
from newsletter.errors import Conflict, NotFound
from newsletter.pagination import PageRequest
from newsletter.web.desk import audit_hook


def issue(store: Session, slug: str) -> Issue:
    """The issue of that slug, which the act under way is about; NotFound in the desk's own words."""
    try:
        # PostgreSQL cannot even be asked about a NUL.
        found = issue_store.find(store, slug.replace("\0", ""))
    except NotFound:
        raise NotFound(
            f"There is no issue “{slug}”. It may have been renamed; look for it in the list of issues."
        ) from None
    audit_hook.set_issue(found)
    return found


@dataclass(frozen=True, slots=True)
class Mailed:
    """What a page is about: an issue or one of its corrections, and the letter of it, if there is one."""

    issue: Issue
    correction: Correction | None = None

    @property
    def letter(self) -> Letter | None:
        """The letter, once there is one."""
        return self.correction.letter if self.correction else self.issue.letter

    @property
    def title(self) -> str:
        """How a page calls it."""
        return f"Correction {self.correction.number} of “{self.issue.title}”" if self.correction else self.issue.title

    @property
    def name(self) -> str:
        """How a file is called after it."""
        return f"{self.issue.slug}-correction-{self.correction.number}" if self.correction else self.issue.slug

    @property
    def place(self) -> dict[str, Any]:
        """What the addresses of its pages have in common."""
        return {"slug": self.issue.slug, "number": self.correction.number if self.correction else None}


def mailed(store: Session, slug: str, number: int | None = None) -> Mailed:
    """The letter of an issue, or of its correction of that number; NotFound if there is no such thing."""
    return Mailed(issue(store, slug)) if number is None else Mailed(*correction(store, slug, number))


def correction(store: Session, slug: str, number: int) -> tuple[Issue, Correction]:
    """The issue of that slug and its correction of that number, which the act under way is about; NotFound likewise."""
    found = issue(store, slug)
    audit_hook.add_details(correction=number)
    return found, corrections.find(store, found, number)


def row_id(text: str, highest: int = 2**63 - 1) -> int:
    """A row's number in an address; ValueError for what its column could not hold, which no database can be asked."""
    if not 0 <= (number := int(text)) <= highest:
        raise ValueError(text)
    return number


def page_request(highest: int = 2**63 - 1) -> PageRequest:
    """Which page of a list this request asks for, by `?before=` or `?after=`; the first one for what is no number."""

    def key(text: str) -> int:
        return row_id(text, highest)

    before = request.args.get("before", type=key)
    return PageRequest(before, None if before is not None else request.args.get("after", type=key))


def issue_mark(found: Issue) -> str:
    """What a page carries to say which issue it was opened for; SQLite gives a deleted one's number away again."""
    return f"{found.id}.{int(found.created_at.timestamp())}"


def version(found: Issue) -> str:
    """What a form carries to say which text, in which state, its page showed."""
    return f"{found.revision_number}.{found.letter_id or 0}.{issue_store.state(found)}"


def require_unchanged(store: Session, slug: str, form: Mapping[str, str]) -> Issue:
    """The issue, if it is still as the form's page showed it; Conflict, and nothing is done, if not."""
    found = issue(store, slug)
    if form.get("version") != version(found):
        raise Conflict(
            f"“{found.title}” has changed since this page was opened: it is now {issue_store.state(found).phrase}, "
            f"revision {found.revision_number}. Nothing was done. Look at it again, then decide."
        )
    return found
