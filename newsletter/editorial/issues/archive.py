"""The archive: issues that have begun to go out, and never another word."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, Tuple, and_, func, literal, select, tuple_
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from newsletter.db import UtcDateTime
from newsletter.delivery.models import Letter
from newsletter.editorial.models import Correction, Issue, Revision
from newsletter.errors import NotFound


class Neighbours(NamedTuple):
    """The issues before and after one; None at the ends."""

    older: Issue | None
    newer: Issue | None


def published(publication_id: int) -> Select[Issue]:
    """What the archive of a publication may show, newest first, each with the text that is shown of it."""
    return published_everywhere().where(Issue.publication_id == publication_id)


def published_everywhere() -> Select[Issue]:
    """What the archives of all publications may show together, in the same order."""
    begun = select(Issue).join(Issue.letter).where(Letter.started_at.is_not(None))
    # Two issues that one beat of the clock started share their moment, and still need an order.
    newest_first = begun.order_by(Letter.started_at.desc(), Issue.id.desc())
    corrected = selectinload(Issue.corrections).joinedload(Correction.revision)
    return newest_first.options(joinedload(Issue.frozen_revision), corrected)


def in_category(issues: Select[Issue], category: str) -> Select[Issue]:
    """Those of them whose text, as it is shown, is of that category."""
    text, corrected = aliased(Revision), aliased(Correction)
    corrections = select(Revision.category).join(corrected, corrected.issue_id == Revision.issue_id)
    corrections = corrections.where(corrected.issue_id == Issue.id, Revision.number == corrected.revision_number)
    latest = corrections.order_by(corrected.number.desc()).limit(1).correlate(Issue).scalar_subquery()
    shown_text = and_(text.issue_id == Issue.id, text.number == Issue.frozen_number)
    return issues.join(text, shown_text).where(func.coalesce(latest, text.category) == category)


def changes(session: Session) -> list[tuple[str, datetime]]:
    """Of everything that the archives show, the slug, and when what is shown of it changed last; in the same order."""
    corrected = select(Correction.issue_id, func.max(Correction.made_at).label("at")).group_by(Correction.issue_id)
    last = corrected.subquery()
    rows = published_everywhere().with_only_columns(Issue.slug, Letter.started_at, last.c.at)
    found = session.execute(rows.outerjoin(last, last.c.issue_id == Issue.id))
    return [(slug, max(filter(None, (started_at, at)))) for slug, started_at, at in found]


def find(session: Session, slug: str) -> Issue:
    """The published issue of that slug; NotFound, in the same words, whether it is not out yet or does not exist."""
    # PostgreSQL cannot even be asked about a NUL.
    issue = None if "\0" in slug else session.scalar(published_everywhere().where(Issue.slug == slug))
    if issue is None:
        raise _not_out()
    return issue


def published_text(issue: Issue) -> tuple[datetime, Revision]:
    """When an issue began to go out, and its text as it went out, or was corrected last; NotFound if it is not."""
    letter, revision = issue.letter, issue.corrections[-1].revision if issue.corrections else issue.frozen_revision
    if letter is None or letter.started_at is None or revision is None:
        raise _not_out()
    return letter.started_at, revision


def changed_at(issue: Issue) -> datetime:
    """When what is shown of a published issue changed last: it went out, or was corrected."""
    started_at, _ = published_text(issue)
    return max([started_at, *(correction.made_at for correction in issue.corrections)])


def neighbours(session: Session, issue: Issue) -> Neighbours:
    """The issues of the same publication that went out just before and just after a published one."""
    place, here = _place(issue)
    later = published(issue.publication_id).order_by(None).order_by(Letter.started_at, Issue.id)
    return Neighbours(session.scalar(earlier(issue).limit(1)), session.scalar(later.where(place > here).limit(1)))


def earlier(issue: Issue) -> Select[Issue]:
    """The issues of the same publication that went out before a published one, newest first."""
    place, here = _place(issue)
    return published(issue.publication_id).where(place < here)


def _place(issue: Issue) -> tuple[Tuple, Tuple]:
    started_at, _ = published_text(issue)
    return tuple_(Letter.started_at, Issue.id), tuple_(literal(started_at, UtcDateTime()), literal(issue.id))


def _not_out() -> NotFound:
    return NotFound("There is no such issue. It may not be out yet, or the link was cut short.")
