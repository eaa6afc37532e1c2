"""Create an issue at the desk, with a slug that no other issue has."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True, slots=True)
class Original:
    """What a new issue begins with: another's file, and its pictures' stored file names by their names in the text."""

    source: str = issue_form.new_file(IssueForm(body=FIRST_WORDS))
    pictures: Mapping[str, str] = field(default_factory=dict)


EMPTY = Original()


def create_issue(
    session: Session,
    publication: Publication,
    typed: IssueForm,
    day: date,
    author: str,
    now: datetime,
    original: Original = EMPTY,
) -> Issue:
    """A new issue for that day with what was typed, for the rest a copy of the original; Faulty if it is not valid.

    Its slug is made from its title, and free.
    """
    # A copy is a new text, which nobody has reviewed.
    copied = replace(issue_form.parse_form(original.source, ""), last_reviewed="")
    changes = {name: text for name in issue_form.FORM if (text := getattr(typed, name))}
    changes["slug"] = slug = free_slug(session, slug_of(typed.slug or typed.title))
    source = issue_form.apply_form(original.source, "", replace(copied, **changes))
    name = f"{day.isoformat()}-{slug}.md"
    file, faults = issue_file.examine(source, name)
    if faults:
        raise Faulty(faults)
    try:
        with session.begin_nested():
            return issue_store.create(session, publication, Text(file, name, original.pictures), author, now)
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
