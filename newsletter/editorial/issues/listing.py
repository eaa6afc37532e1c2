"""Lists of issues: counts by state, and pages of the issues that meet some criteria."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, case, func, literal, null, select, tuple_
from sqlalchemy.orm import Session, contains_eager

from newsletter.delivery.models import Letter
from newsletter.editorial.issues import desk_index, issue_store
from newsletter.editorial.issues.desk_index import DeskText
from newsletter.editorial.issues.indexing import LabelKind
from newsletter.editorial.issues.months import month_bounds, parse_month
from newsletter.editorial.models import Issue, IssueKind, IssueState, Queued, Readiness
from newsletter.pagination import FIRST_PAGE, Order, Page, PageRequest, Statement
from newsletter.publications import Publication

_ALL = select(Issue).outerjoin(Issue.letter).options(contains_eager(Issue.letter))
_BY_HOUR = (Letter.due_at, Issue.id)
_COUNTS = select(Letter.state, Issue.readiness, func.count()).select_from(Issue).outerjoin(Issue.letter)
_Keys = tuple[Any, Any]
_MOMENT = func.coalesce(Letter.started_at, Letter.due_at, Issue.created_at)
_BY_FILE = (Issue.file_name, Issue.id)


@dataclass(frozen=True, slots=True)
class Criteria:
    """What the issues of a list have in common; whatever is empty asks for nothing."""

    state: IssueState | None = None
    typed: str = ""
    """Words that each issue contains in its title, subject, preheader or text."""
    month: str = ""
    """Such as 2026-11: the month in which it goes out or went out, or was begun, on the publication's clocks."""
    author: str = ""
    tag: str = ""

    @property
    def is_search(self) -> bool:
        """Whether it asks for more than a state."""
        return bool(self.typed or self.month or self.author or self.tag)


def count_by_state(session: Session, publication: Publication, wanted: Criteria) -> Mapping[IssueState, int]:
    """How many issues in each state, including those with none, meet the other criteria."""
    rows = _matching(_COUNTS, publication, replace(wanted, state=None)).group_by(Letter.state, Issue.readiness)
    found = dict.fromkeys(IssueState, 0)
    for state, readiness, count in session.execute(rows):
        found[issue_store.state_from(state, readiness)] += count
    return found


def page(
    session: Session, publication: Publication, wanted: Criteria, turn: PageRequest = FIRST_PAGE, size: int = 50
) -> Page[Issue]:
    """A page of the issues that meet the criteria; the newest first, but drafts and the scheduled in their order.

    The scheduled come by time, drafts and the ready by file name; a search finds the newest first.
    """
    keys, newest_first = _order(wanted)

    def keys_of(issue_id: int) -> Any:
        found = session.execute(_ALL.with_only_columns(*keys).where(Issue.id == issue_id)).one_or_none()
        # A deleted issue has no position in the order.
        values = [literal(value, key.type) for key, value in zip(keys, found, strict=True)] if found else [null()] * 2
        return tuple_(*values)

    order: Order[Issue] = Order(keys, lambda issue: issue.id, newest_first, keys_of)
    rows = _matching(_ALL, publication, wanted)
    return order.page(lambda some: session.scalars(some).all(), rows, turn, size)


def months(session: Session, publication: Publication) -> list[str]:
    """The months that have issues, such as 2026-11, the newest first."""
    moments = select(_MOMENT).select_from(Issue).outerjoin(Issue.letter)
    found = session.scalars(moments.where(Issue.publication_id == publication.id)).all()
    zone = ZoneInfo(publication.time_zone)
    return sorted({f"{at.astimezone(zone):%Y-%m}" for at in found}, reverse=True)


def unscheduled(session: Session, publication_id: int, most: int) -> list[Issue]:
    """Up to `most` + 1 issues that are neither scheduled nor queued, the ready ones first."""
    queued = select(Queued.issue_id).where(Queued.issue_id == Issue.id).exists()
    rows = _ALL.where(Issue.publication_id == publication_id, Issue.letter_id.is_(None), ~queued)
    rows = rows.where(Issue.kind == IssueKind.ISSUE)
    ready_first = case((Issue.readiness == Readiness.READY, 0), else_=1)
    return list(session.scalars(rows.order_by(ready_first, *_BY_FILE).limit(most + 1)))


def issues_to_show(publication_id: int) -> Select[Issue]:
    """The issues that show what a publication's mail looks like: the newest first, but after those not yet sent."""
    issues = select(Issue).where(Issue.publication_id == publication_id, Issue.kind == IssueKind.ISSUE)
    return issues.order_by(Issue.letter_id.is_not(None), Issue.id.desc())


def _order(wanted: Criteria) -> tuple[_Keys, bool]:
    """The columns of the order, and whether it is read from its end."""
    if wanted.is_search or wanted.state is None:
        return (_MOMENT, Issue.id), True
    by_hour = wanted.state in {IssueState.SCHEDULED, IssueState.SENT}
    return (_BY_HOUR if by_hour else _BY_FILE), wanted.state is IssueState.SENT


def _matching(rows: Statement, publication: Publication, wanted: Criteria) -> Statement:
    rows = rows.where(Issue.publication_id == publication.id)
    if wanted.state:
        rows = rows.where(_is_in(wanted.state))
    if wanted.typed:
        rows = rows.join(DeskText, DeskText.issue_id == Issue.id).where(desk_index.has_words(wanted.typed))
    if wanted.author:
        rows = rows.where(desk_index.has_label(LabelKind.AUTHOR, wanted.author))
    if wanted.tag:
        rows = rows.where(desk_index.has_label(LabelKind.TAG, wanted.tag))
    if wanted.month:
        begin, end = month_bounds(parse_month(wanted.month), publication.time_zone)
        rows = rows.where(begin <= _MOMENT, end > _MOMENT)
    return rows


def _is_in(state: IssueState) -> ColumnElement[bool]:
    if state in {IssueState.DRAFT, IssueState.READY}:
        return Issue.letter_id.is_(None) & (Issue.readiness == Readiness(state.value))
    return Letter.state.in_(issue_store.letter_states(state))
