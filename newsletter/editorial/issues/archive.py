"""The archive: issues that have started to go out, in the version that may be shown publicly."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, Tuple, and_, func, literal, select, tuple_
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from newsletter.db import UtcDateTime
from newsletter.delivery.models import Letter
from newsletter.editorial.models import Correction, Issue, Revision
from newsletter.errors import NotFound


class Neighbours(NamedTuple):
    """The issues before and after one; None at the ends."""

    older: Issue | None
    newer: Issue | None


class CategoryCount(NamedTuple):
    """A category, and how many published issues it has."""

    name: str
    issues: int


def published(publication_id: int) -> Select[Issue]:
    """The published issues of a publication, newest first, each with the revision that is shown."""
    return published_everywhere().where(Issue.publication_id == publication_id)


def published_everywhere() -> Select[Issue]:
    """The published issues of all publications, newest first."""
    begun = select(Issue).join(Issue.letter).where(Letter.started_at.is_not(None))
    # Two issues that were started in the same instant still need a stable order.
    newest_first = begun.order_by(Letter.started_at.desc(), Issue.id.desc())
    corrected = selectinload(Issue.corrections).joinedload(Correction.revision)
    return newest_first.options(joinedload(Issue.frozen_revision), corrected)


def of_letters(session: Session, letter_ids: Collection[int]) -> dict[int, Issue]:
    """The published issues that these letters carried, by the letter's id; corrections are left out."""
    carried = session.scalars(published_everywhere().where(Issue.letter_id.in_(letter_ids)))
    return {issue.letter_id: issue for issue in carried if issue.letter_id is not None}


def in_category(issues: Select[Issue], category: str) -> Select[Issue]:
    """Only those whose published revision has that category."""
    joined, shown_category = _with_category(issues)
    return joined.where(shown_category == category)


def categories(session: Session, publication_id: int) -> list[CategoryCount]:
    """The categories of a publication's published issues by name, each with its number of issues."""
    joined, shown_category = _with_category(published(publication_id))
    each = joined.order_by(None).with_only_columns(shown_category.label("name")).subquery()
    counted = select(each.c.name, func.count()).where(each.c.name != "").group_by(each.c.name)
    found = [CategoryCount(name, issues) for name, issues in session.execute(counted)]
    return sorted(found, key=lambda one: (one.name.casefold(), one.name))


def changes(session: Session) -> list[tuple[str, datetime]]:
    """The slug of every published issue and when its published text last changed, newest issue first."""
    corrected = select(Correction.issue_id, func.max(Correction.made_at).label("at")).group_by(Correction.issue_id)
    last = corrected.subquery()
    rows = published_everywhere().with_only_columns(Issue.slug, Letter.started_at, last.c.at)
    found = session.execute(rows.outerjoin(last, last.c.issue_id == Issue.id))
    return [(slug, max(filter(None, (started_at, at)))) for slug, started_at, at in found]


def find(session: Session, slug: str) -> Issue:
    """The published issue of that slug; the same NotFound whether it is not out yet or does not exist."""
    # PostgreSQL rejects a NUL in a parameter.
    issue = None if "\0" in slug else session.scalar(published_everywhere().where(Issue.slug == slug))
    if issue is None:
        raise _not_out()
    return issue


def published_text(issue: Issue) -> tuple[datetime, Revision]:
    """When an issue started to go out, and its text as sent or last corrected; NotFound if it has not started."""
    letter, revision = issue.letter, issue.corrections[-1].revision if issue.corrections else issue.frozen_revision
    if letter is None or letter.started_at is None or revision is None:
        raise _not_out()
    return letter.started_at, revision


def changed_at(issue: Issue) -> datetime:
    """When the published text of an issue last changed: when it went out, or was corrected."""
    started_at, _ = published_text(issue)
    return max([started_at, *(correction.made_at for correction in issue.corrections)])


def neighbours(session: Session, issue: Issue) -> Neighbours:
    """The issues of the same publication that went out just before and just after this one."""
    place, here = _place(issue)
    later = published(issue.publication_id).order_by(None).order_by(Letter.started_at, Issue.id)
    return Neighbours(session.scalar(earlier(issue).limit(1)), session.scalar(later.where(place > here).limit(1)))


def related(session: Session, issue: Issue, near: Neighbours, count: int) -> Sequence[Issue]:
    """The newest other issues of the same publication and category, at most `count`, without its neighbours `near`."""
    _, revision = published_text(issue)
    if not revision.category:
        return []
    linked = {issue.id, *(each.id for each in near if each)}
    alike = in_category(published(issue.publication_id), revision.category)
    return session.scalars(alike.where(Issue.id.not_in(linked)).limit(count)).all()


def earlier(issue: Issue) -> Select[Issue]:
    """The issues of the same publication that went out before this one, newest first."""
    place, here = _place(issue)
    return published(issue.publication_id).where(place < here)


def _with_category(issues: Select[Issue]) -> tuple[Select[Issue], ColumnElement[str]]:
    """The issues joined with their frozen text, and the category of the text that is shown."""
    text, corrected = aliased(Revision), aliased(Correction)
    corrections = select(Revision.category).join(corrected, corrected.issue_id == Revision.issue_id)
    corrections = corrections.where(corrected.issue_id == Issue.id, Revision.number == corrected.revision_number)
    latest = corrections.order_by(corrected.number.desc()).limit(1).correlate(Issue).scalar_subquery()
    frozen_text = and_(text.issue_id == Issue.id, text.number == Issue.frozen_number)
    return issues.join(text, frozen_text), func.coalesce(latest, text.category)


def _place(issue: Issue) -> tuple[Tuple, Tuple]:
    started_at, _ = published_text(issue)
    return tuple_(Letter.started_at, Issue.id), tuple_(literal(started_at, UtcDateTime()), literal(issue.id))


def _not_out() -> NotFound:
    return NotFound("There is no such issue. It may not be out yet, or the link was cut short.")
