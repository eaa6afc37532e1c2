"""Slugs: an issue's name in web addresses, provisional until it is first ready, and the ones that it had before."""

import re
import secrets
import unicodedata
from collections.abc import Iterable
from itertools import chain, count
from pathlib import PurePosixPath

from sqlalchemy import ForeignKey, String, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict

_GAP = re.compile("[^a-z0-9]+")
_LONGEST = 60


class FormerSlug(Base):
    """A slug that an issue had, under which the desk still finds it."""

    __tablename__ = "former_slugs"

    slug: Mapped[str] = mapped_column(String(120), primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), index=True)


def find_issue(session: Session, slug: str) -> Issue | None:
    """The issue that has this slug or, if none has it, the one that had it; None if there is neither."""
    former = select(Issue).join(FormerSlug, FormerSlug.issue_id == Issue.id).where(FormerSlug.slug == slug)
    return session.scalar(select(Issue).where(Issue.slug == slug)) or session.scalar(former)


def slug_of(title: str) -> str:
    """The slug of a title, cut between words."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = _GAP.sub("-", plain.replace("'", "")).strip("-")
    return (slug if len(slug) <= _LONGEST else slug[: _LONGEST + 1].rpartition("-")[0] or slug[:_LONGEST]) or "issue"


def free_slug(session: Session, wished: str, but: Issue | None = None) -> str:
    """The wished slug if it is free, else the first free one with a number added; `but` does not count as taken."""
    near = select(Issue.slug).where(Issue.slug.startswith(wished, autoescape=True))
    taken = set(session.scalars(near)) - {but.slug if but else ""}
    candidates = chain([wished], (f"{wished}-{number}" for number in count(2)))
    return next(slug for slug in candidates if slug not in taken)


def provisional_slug(token: str = "") -> str:
    """A provisional slug for an issue without a title, made from the page's token or, without one, at random."""
    return f"draft-{token or secrets.token_hex(8)}"


def shown_slug(issue: Issue) -> str:
    """The slug to show in the form when the text names none: empty while it is provisional."""
    return "" if issue.slug_is_provisional else issue.slug


def file_name(issue: Issue, slug: str) -> str:
    """The issue's file name under that slug: its date and the slug."""
    if slug == issue.slug:
        return issue.file_name
    date = PurePosixPath(issue.file_name).stem[: len("2026-11-24-")]
    return f"{date}{slug}.md" if date[:1].isdigit() else f"{slug}.md"


def rename(session: Session, issue: Issue, slug: str) -> None:
    """Give an issue a slug that is no longer provisional; the desk still finds it under the one it had."""
    if slug == issue.slug:
        return
    issue.file_name = file_name(issue, slug)
    session.merge(FormerSlug(slug=issue.slug, issue_id=issue.id))
    session.execute(delete(FormerSlug).where(FormerSlug.slug == slug, FormerSlug.issue_id == issue.id))
    issue.slug, issue.slug_is_provisional = slug, False


def claim(session: Session, issue: Issue, slug: str) -> None:
    """Let the desk find a new issue under this slug, too; Conflict if another issue has just claimed it."""
    try:
        with session.begin_nested():
            session.add(FormerSlug(slug=slug, issue_id=issue.id))
    except IntegrityError:
        raise Conflict("This page has just been saved. Click the button again.") from None


def former_slugs(session: Session, issue: Issue) -> list[str]:
    """The slugs under which the desk finds the issue, beside its own."""
    return list(session.scalars(select(FormerSlug.slug).where(FormerSlug.issue_id == issue.id)))


def restore_former(session: Session, issue: Issue, former: Iterable[str]) -> None:
    """Let the desk find an issue from the bin under the slugs that it had, apart from those that another has since."""
    session.add_all(FormerSlug(slug=slug, issue_id=issue.id) for slug in former if not session.get(FormerSlug, slug))


def follow_title(session: Session, issue: Issue) -> None:
    """Make a provisional slug final: that of the title. Conflict if another issue takes it at the same moment."""
    if not issue.slug_is_provisional:
        return
    try:
        with session.begin_nested():
            rename(session, issue, free_slug(session, slug_of(issue.title), issue))
            issue.slug_is_provisional = False
    except IntegrityError:
        raise Conflict("Another issue has just taken that name. Click the button again.") from None
