"""The queue: the issues that fill the slots to come, in the order that editors choose.

Each position is a row, unique on publication and position. The order is written as a whole in one transaction, and
only over the order that the editor saw, so two editors never scramble it. An issue that is scheduled, for a slot or any
other time, is not in the queue; the queue fills the slots that are left.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Executable, Select, delete, func, insert, literal, select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db import UNSYNCED
from newsletter.editorial.issues import digests, issue_store
from newsletter.editorial.models import Issue, IssueState, Queued
from newsletter.errors import Conflict

_TRIES = 10
_CHANGED = "The queue has changed. Nothing was done; look at it again, then decide."


def listing(publication_id: int) -> Select[Issue]:
    """The issues of the queue in order, whether or not they are ready."""
    in_it = select(Issue).join(Queued, Queued.issue_id == Issue.id).where(Queued.publication_id == publication_id)
    return in_it.order_by(Queued.position)


def places(publication_id: int) -> Select[Issue, datetime]:
    """The issues of the queue in order, each with the time it was added (`queued_at`)."""
    return listing(publication_id).add_columns(Queued.queued_at)


def is_ready(issue: Issue) -> bool:
    """Whether the issue is marked as ready; one that is not keeps its position and is passed over."""
    return issue_store.state(issue) is IssueState.READY


def add(session: Session, issue: Issue, now: datetime) -> None:
    """Append a ready issue; Conflict if it is not ready, or already in the queue."""
    digests.require_issue(issue)
    if not is_ready(issue):
        raise Conflict(
            f"“{issue.title}” is {issue_store.state(issue).phrase}; only an issue that is ready can wait in the queue."
        )
    # Two simultaneous additions get the same position, and one of them tries again.
    for _ in range(_TRIES):
        if session.scalar(_append(session, issue, now)) is not None:
            return
        if position(session, issue) is not None:
            raise Conflict(f"“{issue.title}” is already in the queue.")
    raise Conflict(_CHANGED)


def remove(session: Session, issue_id: int) -> bool:
    """Remove an issue; False if it was not in the queue."""
    deletion = delete(Queued).where(Queued.issue_id == issue_id).returning(Queued.issue_id)
    return session.scalar(deletion, execution_options=UNSYNCED) is not None


def order(session: Session, publication_id: int) -> list[int]:
    """The issues' ids in order: what an editor saw, to be passed to `reorder`."""
    places = select(Queued.issue_id).where(Queued.publication_id == publication_id)
    return list(session.scalars(places.order_by(Queued.position)))


def reorder(session: Session, publication_id: int, seen: Sequence[int], wanted: Sequence[int]) -> None:
    """Change the order; Conflict, and nothing is changed, unless it is still as `seen`."""
    if sorted(seen) != sorted(wanted):
        raise Conflict(_CHANGED)
    # Of two simultaneous deletions of all positions, the later one finds none.
    deletion = delete(Queued).where(Queued.publication_id == publication_id)
    rows = session.execute(
        deletion.returning(Queued.position, Queued.issue_id, Queued.queued_at),
        execution_options=UNSYNCED,
    ).all()
    if [row.issue_id for row in sorted(rows)] != list(seen):
        raise Conflict(_CHANGED)
    if rows:
        queued_at = {row.issue_id: row.queued_at for row in rows}
        places = [
            {"issue_id": one, "publication_id": publication_id, "position": place, "queued_at": queued_at[one]}
            for place, one in enumerate(wanted, 1)
        ]
        session.execute(insert(Queued), places)


def moved(ids: Sequence[int], issue_id: int, before: int | None) -> list[int]:
    """The order after moving one issue right before another, or to the end."""
    rest = [one for one in ids if one != issue_id]
    at = rest.index(before) if before in rest else len(rest)
    return [*rest[:at], issue_id, *rest[at:]]


def position(session: Session, issue: Issue) -> int | None:
    """The issue's position, from 1; None if it is not in the queue."""
    ids = order(session, issue.publication_id)
    return ids.index(issue.id) + 1 if issue.id in ids else None


def _append(session: Session, issue: Issue, now: datetime) -> Executable:
    columns = ["issue_id", "publication_id", "position", "queued_at"]
    last = select(func.coalesce(func.max(Queued.position), 0) + 1)
    last = last.where(Queued.publication_id == issue.publication_id)
    place = select(literal(issue.id), literal(issue.publication_id), last.scalar_subquery(), literal(now))
    # SQLite needs the WHERE, or it would parse ON CONFLICT as a join's ON.
    added = db.insert(session, Queued).from_select(columns, place.where(literal(1) == 1))
    return added.on_conflict_do_nothing().returning(Queued.issue_id)
