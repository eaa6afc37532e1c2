"""Mailings: the letters to many that an issue has, its own and those about its corrections, by the names people use."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session, selectinload

from newsletter.delivery.models import Letter
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, IssueState


@dataclass(frozen=True, slots=True)
class Mailing:
    """One of these letters, and whose it is."""

    issue: Issue
    letter: Letter
    correction: int | None = None
    """The number of the correction that it is about; None for the issue itself."""

    @property
    def name(self) -> str:
        """What people call it."""
        return mailing_name(self.issue.slug, self.correction)

    @property
    def state(self) -> IssueState:
        """In the words that are used of issues."""
        return issue_store.state_of(self.letter)


def mailing_name(slug: str, correction: int | None) -> str:
    """`unwind-a-tight-back`, or `unwind-a-tight-back, correction 1`."""
    return slug if correction is None else f"{slug}, correction {correction}"


def mailings_of(issue: Issue) -> Iterator[Mailing]:
    """Those of one issue: its own, then those of its corrections in their order."""
    if issue.letter:
        yield Mailing(issue, issue.letter)
    for correction in issue.corrections:
        if correction.letter:
            yield Mailing(issue, correction.letter, correction.number)


def all_mailings(session: Session) -> Iterator[Mailing]:
    """Those of all issues, oldest issue first."""
    for issue in session.scalars(issue_store.listing().options(selectinload(Issue.corrections))):
        yield from mailings_of(issue)
