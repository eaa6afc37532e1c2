"""Mailings: an issue's own letter and the letters about its corrections."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session, selectinload

from newsletter.delivery.models import Letter
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, IssueState


@dataclass(frozen=True, slots=True)
class Mailing:
    """A bulk letter with the issue it belongs to."""

    issue: Issue
    letter: Letter
    correction: int | None = None
    """The number of the correction it is about; None for the issue itself."""

    @property
    def name(self) -> str:
        """The name shown to people."""
        return mailing_name(self.issue.slug, self.correction)

    @property
    def state(self) -> IssueState:
        """The letter's state as an `IssueState`."""
        return issue_store.state_of(self.letter)


def mailing_name(slug: str, correction: int | None) -> str:
    """`unwind-a-tight-back`, or `unwind-a-tight-back, correction 1`."""
    return slug if correction is None else f"{slug}, correction {correction}"


def mailings_of(issue: Issue) -> Iterator[Mailing]:
    """The mailings of one issue: its own, then those of its corrections in order."""
    if issue.letter:
        yield Mailing(issue, issue.letter)
    for correction in issue.corrections:
        if correction.letter:
            yield Mailing(issue, correction.letter, correction.number)


def all_mailings(session: Session) -> Iterator[Mailing]:
    """The mailings of all issues, oldest issue first."""
    for issue in session.scalars(issue_store.listing().options(selectinload(Issue.corrections))):
        yield from mailings_of(issue)
