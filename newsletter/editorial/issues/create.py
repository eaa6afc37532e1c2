"""Create an issue at the desk, with a provisional slug that no other issue has."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter.editorial.issues import issue_store, slugs
from newsletter.editorial.issues.drafts import Faulty
from newsletter.editorial.issues.issue_store import Text
from newsletter.editorial.models import Issue
from newsletter.editorial.source import issue_file, issue_form
from newsletter.editorial.source.issue_form import IssueForm
from newsletter.errors import Conflict
from newsletter.publications import Publication


@dataclass(frozen=True, slots=True)
class Original:
    """What a new issue begins with: another's file, with its pictures, and a slug if one is wished for."""

    source: str = '---\ntitle: ""\nsubject: ""\n---\n'
    pictures: Mapping[str, str] = field(default_factory=dict)
    """The stored file names of its pictures by their names in the text."""
    wished_slug: str = ""


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

    Its slug is free, and provisional unless it was typed: the one wished for, or made from the title if it has one.
    """
    # A copy is a new text, which nobody has reviewed.
    copied = replace(issue_form.parse_form(original.source, ""), slug="", last_reviewed="")
    changes = {name: text for name in issue_form.FORM if (text := getattr(typed, name))}
    slug = slugs.free_slug(session, original.wished_slug or _slug(typed))
    if typed.slug:
        changes["slug"] = slug
    source = issue_form.apply_form(original.source, "", replace(copied, **changes))
    name = f"{day.isoformat()}-{slug}.md"
    file, faults = issue_file.examine(source, name)
    if faults := issue_file.lasting(faults):
        raise Faulty(faults)
    try:
        with session.begin_nested():
            issue = issue_store.create(session, publication, Text(file, name, original.pictures), author, now)
            issue.slug_is_provisional = not typed.slug
            return issue
    except IntegrityError:
        raise Conflict("Another issue has just taken that name. Click the button again.") from None


def _slug(typed: IssueForm) -> str:
    named = typed.slug or typed.title
    return slugs.slug_of(named) if named else slugs.provisional_slug()
