"""Create an issue at the desk, with a slug that no other issue has."""

import re
import unicodedata
from dataclasses import replace
from datetime import date, datetime
from itertools import chain, count

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter.editorial.issues import issue_store
from newsletter.editorial.issues.drafts import Faulty
from newsletter.editorial.issues.issue_store import Text
from newsletter.editorial.models import Issue
from newsletter.editorial.source import issue_file, issue_form
from newsletter.editorial.source.issue_form import IssueForm
from newsletter.errors import Conflict
from newsletter.publications import Publication

# "TK" marks what is still to be written: preflight blocks an issue that contains it.
FIRST_WORDS = "Hello {{ name | friend }},\n\nTK\n"

_GAP = re.compile("[^a-z0-9]+")
_LONGEST = 60


def create_issue(
    session: Session, publication: Publication, typed: IssueForm, day: date, author: str, now: datetime
) -> Issue:
    """A new issue for that day, with a free slug made from its title; Faulty if a field is not valid."""
    slug = free_slug(session, slug_of(typed.slug or typed.title))
    source = issue_form.new_file(replace(typed, slug=slug, body=typed.body or FIRST_WORDS))
    name = f"{day.isoformat()}-{slug}.md"
    file, faults = issue_file.examine(source, name)
    if faults:
        raise Faulty(faults)
    try:
        with session.begin_nested():
            return issue_store.create(session, publication, Text(file, name, {}), author, now)
    except IntegrityError:
        raise Conflict("Another issue has just taken that name. Click the button again.") from None


def slug_of(title: str) -> str:
    """The slug of a title, cut between words."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = _GAP.sub("-", plain.replace("'", "")).strip("-")
    return (slug if len(slug) <= _LONGEST else slug[: _LONGEST + 1].rpartition("-")[0] or slug[:_LONGEST]) or "issue"


def free_slug(session: Session, wished: str) -> str:
    """That slug, or the first with a number behind it that no issue has."""
    near = select(Issue.slug).where(Issue.slug.startswith(wished, autoescape=True))
    taken = set(session.scalars(near))
    candidates = chain([wished], (f"{wished}-{number}" for number in count(2)))
    return next(slug for slug in candidates if slug not in taken)
