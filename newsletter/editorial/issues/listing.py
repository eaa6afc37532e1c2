"""Lists of issues: counts by state, and pages of the issues in one state."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, null, select, tuple_
from sqlalchemy.orm import Session, contains_eager

from newsletter.delivery.models import Letter
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, IssueKind, IssueState, Queued, Readiness
from newsletter.pagination import FIRST_PAGE, Order, Page, PageRequest

_ALL = select(Issue).outerjoin(Issue.letter).options(contains_eager(Issue.letter))
_BY_HOUR = (Letter.due_at, Issue.id)
_BY_FILE = (Issue.file_name, Issue.id)


def count_by_state(session: Session, publication_id: int) -> Mapping[IssueState, int]:
    """How many issues are in each state, including those with none."""
    grouped = select(Letter.state, Issue.readiness, func.count()).select_from(Issue).outerjoin(Issue.letter)
    grouped = grouped.where(Issue.publication_id == publication_id).group_by(Letter.state, Issue.readiness)
    found = dict.fromkeys(IssueState, 0)
    for state, readiness, count in session.execute(grouped):
        found[issue_store.state_from(state, readiness)] += count
    return found


def page_in_state(
    session: Session, publication_id: int, state: IssueState, turn: PageRequest = FIRST_PAGE, size: int = 50
) -> Page[Issue]:
    """A page of the issues in one state, by time if scheduled (sent ones newest first), else by file name."""
    keys = _BY_HOUR if state in {IssueState.SCHEDULED, IssueState.SENT} else _BY_FILE

    def keys_of(issue_id: int) -> Any:
        found = session.execute(_ALL.with_only_columns(*keys).where(Issue.id == issue_id)).one_or_none()
        # A deleted issue has no position in the order.
        values = [literal(value, key.type) for key, value in zip(keys, found, strict=True)] if found else [null()] * 2
        return tuple_(*values)

    order: Order[Issue] = Order(keys, lambda issue: issue.id, state is IssueState.SENT, keys_of)
    rows = _ALL.where(Issue.publication_id == publication_id, _is_in(state))
    return order.page(lambda some: session.scalars(some).all(), rows, turn, size)


def unscheduled(session: Session, publication_id: int, most: int) -> list[Issue]:
    """Up to `most` + 1 issues that are neither scheduled nor queued, the ready ones first."""
    queued = select(Queued.issue_id).where(Queued.issue_id == Issue.id).exists()
    rows = _ALL.where(Issue.publication_id == publication_id, Issue.letter_id.is_(None), ~queued)
    rows = rows.where(Issue.kind == IssueKind.ISSUE)
    ready_first = case((Issue.readiness == Readiness.READY, 0), else_=1)
    return list(session.scalars(rows.order_by(ready_first, *_BY_FILE).limit(most + 1)))


def _is_in(state: IssueState) -> ColumnElement[bool]:
    if state in {IssueState.DRAFT, IssueState.READY}:
        return Issue.letter_id.is_(None) & (Issue.readiness == Readiness(state.value))
    return Letter.state.in_(issue_store.letter_states(state))
