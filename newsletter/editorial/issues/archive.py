"""The archive: issues that have started to go out, in the version that may be shown publicly."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, Tuple, func, literal, select, tuple_
from sqlalchemy.orm import Session, joinedload, selectinload

from newsletter.characters import label_key
from newsletter.db import UtcDateTime
from newsletter.delivery.models import Letter
from newsletter.editorial.issues.archive_index import ArchiveLabel
from newsletter.editorial.issues.indexing import LabelKind
from newsletter.editorial.models import Correction, Issue, IssueKind, Revision
from newsletter.errors import NotFound
from newsletter.i18n.messages import lazy_gettext
from newsletter.publications import Publication

# Two issues that were started in the same instant still need a stable order.
_NEWEST_FIRST = Letter.started_at.desc(), Issue.id.desc()


class Neighbours(NamedTuple):
    """The issues before and after one; None at the ends."""

    older: Issue | None
    newer: Issue | None


class Title(NamedTuple):
    """What names a published issue where one is chosen from all of them."""

    slug: str
    title: str


class LabelCount(NamedTuple):
    """A category, tag or author, and how many published issues have it."""

    name: str
    issues: int


def published(publication_id: int, *kinds: IssueKind) -> Select[Issue]:
    """The published issues of a publication, newest first, each with the revision that is shown.

    Only issues proper, unless other kinds are named: a digest has a page of its own, and is in no list.
    """
    ours = published_everywhere().where(Issue.publication_id == publication_id)
    return ours.where(Issue.kind.in_(kinds or (IssueKind.ISSUE,)))


def titles(session: Session, publication_id: int) -> list[Title]:
    """The published issues of a publication, newest first, without their texts."""
    rows = published(publication_id).with_only_columns(Issue.slug, Issue.title)
    return [Title(slug, title) for slug, title in session.execute(rows)]


def published_everywhere() -> Select[Issue]:
    """The published issues of all publications, of every kind, newest first."""
    begun = select(Issue).join(Issue.letter).where(Letter.started_at.is_not(None))
    newest_first = begun.order_by(*_NEWEST_FIRST)
    corrected = selectinload(Issue.corrections).joinedload(Correction.revision)
    return newest_first.options(joinedload(Issue.frozen_revision), corrected)


def of_letters(session: Session, letter_ids: Collection[int]) -> dict[int, Issue]:
    """The published issues that these letters carried, by the letter's id; corrections are left out."""
    own = select(Letter.id, func.coalesce(Letter.repeats_id, Letter.id)).where(Letter.id.in_(letter_ids))
    originals = dict(session.execute(own).all())
    carried = session.scalars(published_everywhere().where(Issue.letter_id.in_(set(originals.values()))))
    issues = {issue.letter_id: issue for issue in carried}
    return {letter: issues[original] for letter, original in originals.items() if original in issues}


def labelled(issues: Select[Issue], kind: LabelKind, name: str) -> Select[Issue]:
    """Only those with that label, in any case and with or without accents."""
    with_it = select(ArchiveLabel.issue_id).where(ArchiveLabel.kind == kind, ArchiveLabel.key == label_key(name))
    return issues.where(Issue.id.in_(with_it))


def labels(session: Session, publication_id: int, kind: LabelKind) -> list[LabelCount]:
    """The labels of that kind that a publication's published issues have, by name, each with its number of issues."""
    issue_ids = published(publication_id).order_by(None).with_only_columns(Issue.id)
    # As the same label may be written in several ways, one of them stands for all.
    counted = select(func.min(ArchiveLabel.name), func.count()).where(ArchiveLabel.kind == kind)
    counted = counted.where(ArchiveLabel.issue_id.in_(issue_ids)).group_by(ArchiveLabel.key).order_by(ArchiveLabel.key)
    return [LabelCount(name, issues) for name, issues in session.execute(counted)]


def changes(session: Session) -> list[tuple[str, datetime]]:
    """The slug of every published issue and when its published text last changed, newest issue first."""
    corrected = select(Correction.issue_id, func.max(Correction.made_at).label("at")).group_by(Correction.issue_id)
    last = corrected.subquery()
    rows = published_everywhere().with_only_columns(Issue.slug, Letter.started_at, last.c.at)
    rows = rows.outerjoin(last, last.c.issue_id == Issue.id).where(Issue.kind == IssueKind.ISSUE)
    found = session.execute(rows)
    return [(slug, max(filter(None, (started_at, at)))) for slug, started_at, at in found]


def find(session: Session, slug: str) -> Issue:
    """The published issue of that slug; the same NotFound whether it is not out yet or does not exist."""
    # PostgreSQL rejects a NUL in a parameter.
    issue = None if "\0" in slug else session.scalar(published_everywhere().where(Issue.slug == slug))
    if issue is None:
        raise _not_out()
    return issue


def start_here(session: Session, publication: Publication) -> Issue | None:
    """The published issue that the publication offers new readers first; None if it has chosen none."""
    if not publication.start_here:
        return None
    return session.scalar(published(publication.id).where(Issue.slug == publication.start_here))


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
    place, own_place = _place(issue)
    later = published(issue.publication_id, issue.kind).order_by(None).order_by(Letter.started_at, Issue.id)
    return Neighbours(session.scalar(earlier(issue).limit(1)), session.scalar(later.where(place > own_place).limit(1)))


def related(session: Session, issue: Issue, near: Neighbours, count: int) -> Sequence[Issue]:
    """The other issues of the same publication that share most tags and its category, at most `count`.

    Those that share as many are ordered newest first. Its neighbours `near` are left out.
    """
    linked = {issue.id, *(each.id for each in near if each)}
    own = select(ArchiveLabel.kind, ArchiveLabel.key).where(ArchiveLabel.issue_id == issue.id)
    subjects = own.where(ArchiveLabel.kind != LabelKind.AUTHOR)
    alike = select(ArchiveLabel.issue_id, func.count().label("shared")).group_by(ArchiveLabel.issue_id)
    shared = alike.where(tuple_(ArchiveLabel.kind, ArchiveLabel.key).in_(subjects)).subquery()
    others = published(issue.publication_id).join(shared, shared.c.issue_id == Issue.id)
    most_shared = others.order_by(None).order_by(shared.c.shared.desc(), *_NEWEST_FIRST)
    return session.scalars(most_shared.where(Issue.id.not_in(linked)).limit(count)).all()


def earlier(issue: Issue) -> Select[Issue]:
    """The issues of the same publication and kind that went out before this one, newest first."""
    place, own_place = _place(issue)
    return published(issue.publication_id, issue.kind).where(place < own_place)


def _place(issue: Issue) -> tuple[Tuple, Tuple]:
    started_at, _ = published_text(issue)
    return tuple_(Letter.started_at, Issue.id), tuple_(literal(started_at, UtcDateTime()), literal(issue.id))


def _not_out() -> NotFound:
    return NotFound(lazy_gettext("There is no such issue. It may not be out yet, or the link was cut short."))
