"""Comments on issues, with one level of replies: what is stored of each, and what the public sees.

    waiting ──moderator──▶ approved, spam, deleted, and from each of them to each other
    approved ──three reports──▶ waiting

No network address is stored with a comment.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, exists, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from newsletter.db import Base, insert, partial_index, word
from newsletter.errors import NotFound
from newsletter.i18n.messages import lazy_gettext

MAX_NAME = 100
REPORTS_THAT_HIDE = 3
"""The report by which a comment is hidden until a moderator looks. Later ones hide it no more."""


class CommentState(StrEnum):
    """Where a comment stands; only approved ones are shown."""

    WAITING = "waiting"
    APPROVED = "approved"
    SPAM = "spam"
    DELETED = "deleted"


class ReplyMail(StrEnum):
    """Whether the writer of a comment is mailed about replies."""

    NONE = "none"
    ASKED = "asked"
    """Asked for, at an address that nobody has proven."""
    CONFIRMED = "confirmed"


class Comment(Base):
    """A comment on an issue, or a reply to one."""

    __tablename__ = "comments"
    __table_args__ = (
        UniqueConstraint("issue_id", "digest"),
        Index(None, "issue_id", "state"),
        Index(None, "publication_id", "state", "id"),
        partial_index("ix_comments_unannounced", "publication_id", where="state = 'waiting' AND announced_at IS NULL"),
        partial_index("ix_comments_unmailed", "changed_at", where="state = 'approved' AND mailed_at IS NULL"),
        # Links in mail contain the id, so it is never given again.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("comments.id"), index=True)
    """The comment that it replies to, which is itself no reply."""
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    text: Mapped[str] = mapped_column(Text)
    """Empty once it was erased; the row stays as long as somebody else has replied to it."""
    state: Mapped[CommentState] = mapped_column(word(CommentState))
    email: Mapped[str] = mapped_column(String(254), default="")
    """The address that its writer typed; empty for a reader who came by a link, and for the team."""
    key: Mapped[str] = mapped_column(String(254), default="", index=True)
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id", ondelete="SET NULL"), index=True)
    """The subscription whose link in a letter it was written by."""
    is_team: Mapped[bool] = mapped_column(default=False)
    reply_mail: Mapped[ReplyMail] = mapped_column(word(ReplyMail), default=ReplyMail.NONE)
    digest: Mapped[str] = mapped_column(String(64))
    """Of writer and text, so that a form sent twice makes one comment."""
    reports: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime] = mapped_column(index=True)
    """When it came into its state."""
    announced_at: Mapped[datetime | None]
    """When the team was told that it waits."""
    mailed_at: Mapped[datetime | None]
    """When those who asked to hear of replies were mailed about it, and its writer was asked to confirm."""


@dataclass(frozen=True, slots=True)
class NewComment:
    """A comment to be stored, its fields checked."""

    publication_id: int
    issue_id: int
    name: str
    text: str
    state: CommentState
    parent_id: int | None = None
    email: str = ""
    key: str = ""
    subscription_id: int | None = None
    is_team: bool = False
    reply_mail: ReplyMail = ReplyMail.NONE

    @property
    def digest(self) -> str:
        """Identifies the same words by the same writer in the same place."""
        writer = self.key or f"{self.subscription_id}" if not self.is_team else ""
        return hashlib.sha256(f"{self.parent_id}\0{writer}\0{self.text}".encode()).hexdigest()


class Thread(NamedTuple):
    """A comment with the replies to it that are shown, oldest first."""

    comment: Comment
    replies: Sequence[Comment]

    @property
    def is_shown(self) -> bool:
        """Whether the comment itself is shown; if not, it stands there for its replies."""
        return self.comment.state is CommentState.APPROVED


class Discussion(NamedTuple):
    """A page of the threads below an issue, newest first."""

    threads: Sequence[Thread]
    total: int
    """How many comments and replies are shown on all pages."""
    has_more: bool

    @property
    def page_comments(self) -> list[Comment]:
        """The comments and replies of this page, in its order."""
        return [
            one for thread in self.threads for one in ([thread.comment] if thread.is_shown else []) + [*thread.replies]
        ]


def add(session: Session, new: NewComment, now: datetime) -> int | None:
    """Store a comment; its id, None if the same one is stored already."""
    fields = ("publication_id", "issue_id", "parent_id", "name", "text", "state", "email", "key", "subscription_id")
    values = {name: getattr(new, name) for name in (*fields, "is_team", "reply_mail", "digest")}
    row = insert(session, Comment).values(**values, reports=0, created_at=now, changed_at=now)
    added: int | None = session.scalar(row.on_conflict_do_nothing().returning(Comment.id))
    return added


def find_shown(session: Session, issue_id: int, comment_id: int) -> Comment:
    """The comment of that id, if it is shown below that issue; else NotFound."""
    found = session.get(Comment, comment_id)
    if found is None or found.issue_id != issue_id or found.state is not CommentState.APPROVED:
        raise NotFound(lazy_gettext("This comment is no longer shown."))
    return found


def discussion(session: Session, issue_id: int, *, skip: int = 0, limit: int) -> Discussion:
    """The comments on an issue that are shown, at most `limit` with their replies, after skipping the newest."""
    reply = aliased(Comment)
    has_replies = exists().where(reply.parent_id == Comment.id, reply.state == CommentState.APPROVED)
    begun = select(Comment).where(Comment.issue_id == issue_id, Comment.parent_id.is_(None))
    seen = begun.where(or_(Comment.state == CommentState.APPROVED, has_replies))
    found = session.scalars(seen.order_by(Comment.id.desc()).offset(skip).limit(limit + 1)).all()
    if not found:
        return Discussion((), 0, has_more=False)
    approved, replies = (Comment.issue_id == issue_id, Comment.state == CommentState.APPROVED), defaultdict(list)
    on_page = found[:limit]
    of_these = select(Comment).where(*approved, Comment.parent_id.in_([one.id for one in on_page])).order_by(Comment.id)
    for each in session.scalars(of_these):
        replies[each.parent_id].append(each)
    total = session.scalar(select(func.count()).where(*approved)) or 0
    return Discussion([Thread(one, replies[one.id]) for one in on_page], total, len(found) > limit)


def report(session: Session, comment_id: int, now: datetime) -> None:
    """Count a report of a comment; the third one hides it until a moderator looks, unless it is the team's."""
    counted = update(Comment).where(Comment.id == comment_id).values(reports=Comment.reports + 1)
    session.execute(counted)
    hidden = update(Comment).where(
        Comment.id == comment_id,
        Comment.reports == REPORTS_THAT_HIDE,
        Comment.state == CommentState.APPROVED,
        Comment.is_team.is_(False),
    )
    session.execute(hidden.values(state=CommentState.WAITING, changed_at=now, announced_at=None))
