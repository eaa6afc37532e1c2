"""Mail about replies: who asked for it, who has confirmed it, and what is to be mailed now."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select, text, update
from sqlalchemy.orm import Session

from newsletter.db import UNSYNCED
from newsletter.engagement.comments import Comment, CommentState, ReplyMail

SETTLED_AFTER = timedelta(minutes=2)
"""How long after its approval a comment is mailed about, so that the decision can be undone."""

_AT_ONCE = 50
# Written out, because neither database matches a parameter to a partial index.
_UNMAILED = text("comments.state = 'approved' AND comments.mailed_at IS NULL")


def are_due(session: Session, now: datetime) -> bool:
    """Whether there are comments to mail about."""
    due = select(Comment.id).where(_UNMAILED, Comment.changed_at <= now - SETTLED_AFTER)
    return session.scalar(due.limit(1)) is not None


def claim_approved(session: Session, now: datetime) -> Sequence[Comment]:
    """Some approved comments that nobody was mailed about, for one worker alone, oldest first; each once for all."""
    due = select(Comment.id).where(_UNMAILED, Comment.changed_at <= now - SETTLED_AFTER)
    ids = due.order_by(Comment.id).limit(_AT_ONCE).with_for_update(skip_locked=True).cte("due")
    claimed = update(Comment).where(Comment.id.in_(select(ids.c.id))).values(mailed_at=now).returning(Comment.id)
    found = list(session.scalars(claimed, execution_options=UNSYNCED))
    return session.scalars(select(Comment).where(Comment.id.in_(found)).order_by(Comment.id)).all()


def watchers(session: Session, reply: Comment) -> list[Comment]:
    """One comment of each other person in the thread of a reply who has confirmed that they want mail."""
    if reply.parent_id is None:
        return []
    thread = or_(Comment.id == reply.parent_id, Comment.parent_id == reply.parent_id)
    wanted = (Comment.state == CommentState.APPROVED, Comment.reply_mail == ReplyMail.CONFIRMED)
    found = session.scalars(select(Comment).where(thread, *wanted, Comment.id != reply.id).order_by(Comment.id))
    by_writer = {_writer(each): each for each in found}
    by_writer.pop(_writer(reply), None)
    return list(by_writer.values())


def set_reply_mail(session: Session, comment_id: int, wanted: ReplyMail) -> None:
    """Set whether replies are mailed to the writer of a comment, for all their comments on that issue.

    No effect once the comment was erased.
    """
    comment = session.get(Comment, comment_id)
    if comment is None or not comment.text:
        return
    own = Comment.subscription_id == comment.subscription_id if comment.subscription_id else Comment.key == comment.key
    theirs = update(Comment).where(Comment.issue_id == comment.issue_id, own, Comment.is_team.is_(False))
    session.execute(theirs.values(reply_mail=wanted))


def _writer(comment: Comment) -> tuple[int | None, str, bool]:
    return comment.subscription_id, comment.key, comment.is_team
