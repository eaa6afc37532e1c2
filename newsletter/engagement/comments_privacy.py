"""A person's comments: exported and erased with everything else that is stored about them."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, String, column, delete, literal, or_, select, table, update
from sqlalchemy.orm import Session, aliased

from newsletter.db import UNSYNCED
from newsletter.engagement.comments import Comment, CommentState, ReplyMail

_issues = table("issues", column("id"), column("slug", String))


def comments_of(
    session: Session, keys: Collection[str], subscription_ids: Collection[int] = ()
) -> list[dict[str, Any]]:
    """The comments written from these addresses or by the links of these subscriptions, as plain JSON values."""
    theirs = select(Comment, _issues.c.slug).join(_issues, _issues.c.id == Comment.issue_id)
    theirs = theirs.where(_written_by(keys, subscription_ids)).order_by(Comment.id)
    return [
        {
            "at": comment.created_at.isoformat(),
            "issue": slug,
            "name": comment.name,
            "text": comment.text,
            "state": comment.state.value,
            "reply_mail": comment.reply_mail.value,
        }
        for comment, slug in session.execute(theirs)
    ]


def erase_comments(session: Session, keys: Collection[str], subscription_ids: Collection[int] = ()) -> int:
    """Erase these comments; how many. What others replied stays, below an empty place."""
    return remove(session, session.scalars(select(Comment.id).where(_written_by(keys, subscription_ids))).all())


def remove(session: Session, comment_ids: Collection[int]) -> int:
    """Delete comments, or blank those with replies by others; how many."""
    ids = list(comment_ids)
    reply = aliased(Comment)
    others = select(reply.parent_id).where(reply.parent_id.in_(ids), reply.id.not_in(ids))
    replied_to = set(session.scalars(others))
    # Replies first, because a comment that is replied to cannot be deleted.
    for condition in (Comment.parent_id.is_not(None), Comment.id.not_in(replied_to)):
        session.execute(delete(Comment).where(Comment.id.in_(ids), condition), execution_options=UNSYNCED)
    blank = (
        update(Comment)
        .where(Comment.id.in_(replied_to))
        .values(
            name="",
            text="",
            email="",
            key="",
            subscription_id=None,
            reply_mail=ReplyMail.NONE,
            state=CommentState.DELETED,
            # Unique, and of nothing that was written.
            digest=literal("erased ") + Comment.id.cast(String),
        )
    )
    session.execute(blank, execution_options=UNSYNCED)
    return len(ids)


def _written_by(keys: Collection[str], subscription_ids: Collection[int]) -> ColumnElement[bool]:
    return or_(Comment.key.in_([key for key in keys if key]), Comment.subscription_id.in_(subscription_ids))
