"""Finds the issue that a request is about, and checks that it is as its page showed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from newsletter.audience import attribute_changes, subscribers
from newsletter.audience.attributes import Attribute
from newsletter.audience.models import Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.store import Segment
from newsletter.characters import storable
from newsletter.db import Session
from newsletter.delivery.ledger import repeats
from newsletter.delivery.models import Letter
from newsletter.editorial.issues import corrections, issue_store
from newsletter.editorial.models import Correction, Issue
from newsletter.errors import Conflict, NotFound
from newsletter.publications import Publication
from newsletter.web.desk import audit_hook
from newsletter.workflows import build_letter


def issue(store: Session, slug: str) -> Issue:
    """The issue of that slug, which becomes the subject of the act; NotFound, in words for editors."""
    try:
        found = issue_store.find(store, storable(slug))
    except NotFound:
        raise NotFound(
            f"There is no issue “{slug}”. It may have been renamed; look for it in the list of issues."
        ) from None
    audit_hook.set_issue(found)
    return found


def segment(store: Session, segment_id: int) -> Segment:
    """The segment of that id, which becomes the subject of the act; NotFound if there is none."""
    found = segments.load(store, segment_id)
    audit_hook.set_subject("segment", found.name)
    return found


def attribute(store: Session, publication: Publication, attribute_id: int, *, for_update: bool = False) -> Attribute:
    """The publication's attribute of that id, which becomes the subject of the act; NotFound if there is none."""
    found = attribute_changes.find(store, publication.id, attribute_id, for_update=for_update)
    audit_hook.set_subject("attribute", found.name)
    return found


def reader(store: Session, subscription_id: int) -> Subscription:
    """A reader's subscription; the reader becomes the subject of the act. NotFound if there is none."""
    found = subscribers.get(store, subscription_id)
    audit_hook.set_subject("reader", str(found.subscriber_id))
    return found


@dataclass(frozen=True, slots=True)
class Mailed:
    """An issue, one of its corrections, or its letter in a welcome series; with that letter if there is one."""

    issue: Issue
    correction: Correction | None = None
    in_series: Letter | None = None

    @property
    def letter(self) -> Letter | None:
        """The letter; None before there is one."""
        return self.in_series or (self.correction.letter if self.correction else self.issue.letter)

    @property
    def title(self) -> str:
        """The name on pages."""
        if self.in_series:
            return f"“{self.issue.title}” in the welcome series"
        return f"Correction {self.correction.number} of “{self.issue.title}”" if self.correction else self.issue.title

    @property
    def name(self) -> str:
        """The name of a file to download."""
        if self.in_series:
            return f"{self.issue.slug}-in-series"
        return f"{self.issue.slug}-correction-{self.correction.number}" if self.correction else self.issue.slug

    @property
    def place(self) -> dict[str, Any]:
        """The parameters of its URLs."""
        number = self.correction.number if self.correction else None
        return {"slug": self.issue.slug, "number": number, "letter_id": self.in_series.id if self.in_series else None}


def mailed(store: Session, slug: str, number: int | None = None, letter_id: int | None = None) -> Mailed:
    """An issue, its correction of that number, or its letter of that id in a welcome series; else NotFound."""
    if letter_id is not None:
        found = issue(store, slug)
        return Mailed(found, in_series=repeats.find_repeat(store, found.letter_id or 0, letter_id))
    return Mailed(issue(store, slug)) if number is None else Mailed(*correction(store, slug, number))


def correction(store: Session, slug: str, number: int) -> tuple[Issue, Correction]:
    """An issue and its correction of that number, which become the subject of the act; NotFound as above."""
    found = issue(store, slug)
    audit_hook.add_details(correction=number)
    return found, corrections.find(store, found, number)


def issue_mark(found: Issue) -> str:
    """Identifies the issue that a page was opened for; an id alone does not, because SQLite reuses deleted ones."""
    return f"{found.id}.{int(found.created_at.timestamp())}"


def version(found: Issue) -> str:
    """A token for forms of the text, state and audience that their page showed."""
    # Once it is out, only its state matters: a correction that somebody writes must not get in the way of pausing it.
    number = found.frozen_number if issue_store.is_out(found) else found.revision_number
    version = f"{number}.{found.letter_id or 0}.{issue_store.state(found)}"
    audience = build_letter.audience_hash(found)
    return f"{version}.{audience[:12]}" if audience else version


def require_unchanged(store: Session, slug: str, form: Mapping[str, str]) -> Issue:
    """The issue, if it is as the form's page showed it, else Conflict."""
    found = issue(store, slug)
    if form.get("version") != version(found):
        raise Conflict(
            f"“{found.title}” has changed since this page was opened: it is now {issue_store.state(found).phrase}, "
            f"revision {found.revision_number}. Nothing was done. Look at it again, then decide."
        )
    return found
