"""Templates: texts of issues that new issues of the publication can begin with."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import JSON, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter import characters
from newsletter.db import Base
from newsletter.editorial.issues import issue_store
from newsletter.editorial.issues.create import Original
from newsletter.editorial.issues.named_texts import LONGEST_NAME, NamedText, find_named, named_texts
from newsletter.editorial.models import Issue
from newsletter.editorial.source import issue_form
from newsletter.errors import Invalid


class IssueTemplate(NamedText, Base):
    """The text of an issue as it was when somebody saved it as a template."""

    __tablename__ = "issue_templates"
    deleted_notice = "This template has been deleted. Choose another, or begin with an empty issue."

    source: Mapped[str] = mapped_column(Text)
    pictures: Mapped[dict[str, str]] = mapped_column(JSON)
    """From each picture's name in the text to its stored file name."""

    @property
    def original(self) -> Original:
        """What a new issue begins with: the text, but no title or subject, because each issue has its own."""
        form = issue_form.parse_form(self.source, "")
        return Original(issue_form.apply_form(self.source, "", replace(form, title="", subject="")), self.pictures)


def save_template(session: Session, issue: Issue, name: str, by: str, now: datetime) -> IssueTemplate:
    """Save the newest revision as a template, in place of one with that name; Invalid if the name is empty."""
    line = characters.as_line(name)[:LONGEST_NAME]
    if not (key := characters.label_key(line)):
        raise Invalid("Give the template a name.")
    found = select(IssueTemplate).where(IssueTemplate.publication_id == issue.publication_id, IssueTemplate.key == key)
    template = session.scalar(found) or IssueTemplate(publication_id=issue.publication_id, key=key)
    template.name, template.saved_by, template.saved_at = line, by, now
    template.source, template.pictures = issue.revision.source, issue_store.picture_names(issue.revision)
    session.add(template)
    session.flush()
    return template


def publication_templates(session: Session, publication_id: int) -> Sequence[IssueTemplate]:
    """The publication's templates by name."""
    return named_texts(session, IssueTemplate, publication_id)


def find_template(session: Session, publication_id: int, template_id: int) -> IssueTemplate:
    """The template of that id; NotFound if it was deleted."""
    return find_named(session, IssueTemplate, publication_id, template_id)
