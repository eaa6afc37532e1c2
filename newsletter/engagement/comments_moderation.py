"""Moderation: a publication's comments by state, what moderators decide about them, and what is deleted in time."""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Select, String, column, exists, func, select, table, update
from sqlalchemy.orm import Session, aliased

from newsletter.db import UNSYNCED
from newsletter.engagement import comments_privacy
from newsletter.engagement.comments import Comment, CommentState
from newsletter.errors import NotFound
from newsletter.pagination import Order, Page, PageRequest

KEPT = timedelta(days=30)
"""How long spam and deleted comments are kept, so that a decision can be undone."""

ANNOUNCED_AFTER = timedelta(minutes=15)
"""How long a comment waits before the team is told, so that one mail tells of several."""
ANNOUNCED_EVERY = timedelta(hours=6)
"""The least time between two such mails."""

_PRUNED_AT_ONCE = 500
_A_BATCH = 1_000
_NEWEST_FIRST: Order["Moderated"] = Order((Comment.id,), lambda one: one.comment.id)
# Editorial's table, of which only the name of an issue is needed.
_issues = table("issues", column("id"), column("slug", String), column("title", String))


class Moderated(NamedTuple):
    """A comment as a moderator sees it."""

    comment: Comment
    slug: str
    title: str
    """The slug and the title of its issue."""
    parent: Comment | None


def page_of_comments(
    session: Session, publication_id: int, state: CommentState, turn: PageRequest, size: int
) -> Page[Moderated]:
    """A page of the comments in one state, newest first."""
    rows = _moderated(publication_id).where(Comment.state == state)
    return _NEWEST_FIRST.page(lambda some: [Moderated(*row) for row in session.execute(some)], rows, turn, size)


def iter_comments(session: Session, publication_id: int) -> Iterator[Moderated]:
    """All comments of a publication, oldest first, in flat memory."""
    rows = _moderated(publication_id).order_by(Comment.id).execution_options(yield_per=_A_BATCH)
    yield from (Moderated(*row) for row in session.execute(rows))


def count_by_state(session: Session, publication_id: int) -> dict[CommentState, int]:
    """How many comments are in each state."""
    counted = select(Comment.state, func.count()).where(Comment.publication_id == publication_id, Comment.text != "")
    return dict.fromkeys(CommentState, 0) | dict(session.execute(counted.group_by(Comment.state)).all())


def count_waiting(session: Session, publication_id: int) -> int:
    """How many comments wait for a moderator."""
    waiting = select(func.count()).where(
        Comment.publication_id == publication_id, Comment.state == CommentState.WAITING
    )
    return session.scalar(waiting) or 0


def find_comment(session: Session, publication_id: int, comment_id: int) -> Comment:
    """The comment of that id on an issue of this publication; NotFound if there is none."""
    found = session.get(Comment, comment_id)
    if found is None or found.publication_id != publication_id or not found.text:
        raise NotFound("There is no such comment. It may have been erased, or deleted more than 30 days ago.")
    return found


def move_comments(
    session: Session,
    publication_id: int,
    comment_ids: Collection[int],
    before: CommentState,
    after: CommentState,
    now: datetime,
) -> list[int]:
    """Move those of these comments that are still in the state that the moderator saw; their ids."""
    seen = (Comment.publication_id == publication_id, Comment.id.in_(comment_ids), Comment.state == before)
    moved = update(Comment).where(*seen, Comment.text != "").values(state=after, changed_at=now).returning(Comment.id)
    return sorted(session.scalars(moved, execution_options=UNSYNCED))


def unannounced(session: Session, now: datetime) -> list[int]:
    """The publications whose team is to be told of comments that wait: in time for a reply, and not of each one."""
    waits = (Comment.state == CommentState.WAITING, Comment.announced_at.is_(None))
    due = select(Comment.publication_id).where(*waits, Comment.changed_at <= now - ANNOUNCED_AFTER)
    recent = select(Comment.publication_id).where(Comment.announced_at > now - ANNOUNCED_EVERY)
    return sorted(session.scalars(due.where(Comment.publication_id.not_in(recent)).distinct()))


def announce(session: Session, publication_id: int, now: datetime) -> dict[str, int]:
    """Mark all that wait as announced, for one worker alone; how many there are on each issue, by its title."""
    waits = (Comment.state == CommentState.WAITING, Comment.announced_at.is_(None))
    marked = update(Comment).where(Comment.publication_id == publication_id, *waits).values(announced_at=now)
    counts = Counter(session.scalars(marked.returning(Comment.issue_id), execution_options=UNSYNCED))
    titles = select(_issues.c.id, _issues.c.title).where(_issues.c.id.in_(counts)).order_by(_issues.c.id)
    return {title: counts[issue_id] for issue_id, title in session.execute(titles)}


def is_prunable(session: Session, now: datetime) -> bool:
    """Whether there is something to prune."""
    return session.scalar(_prunable(now).limit(1)) is not None


def prune(session: Session, now: datetime) -> int:
    """Delete some spam and deleted comments after 30 days; how many, 0 when none is left.

    One that others have replied to is blanked, and its row goes after its replies.
    """
    some = _prunable(now).order_by(Comment.changed_at).limit(_PRUNED_AT_ONCE)
    return comments_privacy.remove(session, session.scalars(some).all())


def _prunable(now: datetime) -> Select[int]:
    reply = aliased(Comment)
    is_alone = ~exists().where(reply.parent_id == Comment.id)
    old = Comment.state.in_((CommentState.SPAM, CommentState.DELETED)), Comment.changed_at <= now - KEPT
    return select(Comment.id).where(*old, is_alone | (Comment.text != ""))


def _moderated(publication_id: int) -> Select[Comment, str, str, Comment]:
    """The comments of a publication except those that were erased."""
    parent = aliased(Comment)
    rows = select(Comment, _issues.c.slug, _issues.c.title, parent).join(_issues, _issues.c.id == Comment.issue_id)
    rows = rows.outerjoin(parent, parent.id == Comment.parent_id)
    return rows.where(Comment.publication_id == publication_id, Comment.text != "")
