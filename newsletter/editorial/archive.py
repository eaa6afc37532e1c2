"""The archive: issues that have begun to go out, and never another word."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.orm import Session, joinedload

from newsletter.db import UtcDateTime
from newsletter.delivery.models import Letter
from newsletter.editorial.models import Issue, Revision
from newsletter.errors import NotFound


class Neighbours(NamedTuple):
    """The issues before and after one; None at the ends."""

    older: Issue | None
    newer: Issue | None


def shown(publication_id: int) -> Select[Issue]:
    """What the archive of a publication may show, newest first, each with the text its letter was frozen from."""
    return everything().where(Issue.publication_id == publication_id)


def everything() -> Select[Issue]:
    """What the archives of all publications may show together, in the same order."""
    begun = select(Issue).join(Issue.letter).where(Letter.started_at.is_not(None))
    # Two issues that one beat of the clock started share their moment, and still need an order.
    newest_first = begun.order_by(Letter.started_at.desc(), Issue.id.desc())
    return newest_first.options(joinedload(Issue.frozen_revision))


def find(session: Session, slug: str) -> Issue:
    """The published issue of that slug; NotFound, in the same words, whether it is not out yet or does not exist."""
    # PostgreSQL cannot even be asked about a NUL.
    issue = None if "\0" in slug else session.scalar(everything().where(Issue.slug == slug))
    if issue is None:
        raise _not_out()
    return issue


def out(issue: Issue) -> tuple[datetime, Revision]:
    """When an issue began to go out, and the text it went out with; NotFound if it has not."""
    letter, revision = issue.letter, issue.frozen_revision
    if letter is None or letter.started_at is None or revision is None:
        raise _not_out()
    return letter.started_at, revision


def neighbours(session: Session, issue: Issue) -> Neighbours:
    """The issues of the same publication that went out just before and just after a published one."""
    started_at, _ = out(issue)
    place, here = tuple_(Letter.started_at, Issue.id), tuple_(literal(started_at, UtcDateTime()), literal(issue.id))
    ours = shown(issue.publication_id)
    older = ours.where(place < here).limit(1)
    newer = ours.order_by(None).order_by(Letter.started_at, Issue.id).where(place > here).limit(1)
    return Neighbours(session.scalar(older), session.scalar(newer))


def _not_out() -> NotFound:
    return NotFound("There is no such issue. It may not be out yet, or its address was cut short.")
