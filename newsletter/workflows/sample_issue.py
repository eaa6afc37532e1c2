"""The sample issue, which a new press shows in its archive: published, sent to nobody, and removed in one press.

It is kept as an imported post is, and so is left out of the reports and never sent.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.delivery.models import LetterState
from newsletter.editorial.imported import posts
from newsletter.editorial.imported.posts import ImportedPost
from newsletter.editorial.issues import issue_store
from newsletter.editorial.issues.issue_store import Text
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict
from newsletter.publications import Publication
from newsletter.workflows import import_archive
from newsletter.workflows.build_letter import LetterSettings


def publish_sample(
    session: Session, letters: LetterSettings, publication: Publication, text: Text, now: datetime
) -> Issue:
    """Publish this text as the sample issue of a publication; Conflict if there are any issues already."""
    if session.scalar(select(Issue.id).limit(1)) is not None:
        raise Conflict("there are issues already, so no sample is needed")
    issue = issue_store.create(session, publication, text, issue_store.BY_FILE, now)
    session.flush()
    row = ImportedPost(publication_id=publication.id, source=posts.SAMPLE, key=issue.slug, old_path="")
    row.issue_id, row.posted_at = issue.id, now
    session.add(row)
    session.flush()
    import_archive.publish_imported(session, letters, issue, now)
    return issue


def remove_sample(session: Session, issue: Issue) -> None:
    """Remove the sample issue with all that refers to it; Conflict for any other issue."""
    found = posts.find_import(session, issue)
    if found is None or found.source != posts.SAMPLE:
        raise Conflict(f"“{issue.title}” is not the sample issue; only that can be removed once it is published")
    issue_store.lock(session, issue)
    if issue.letter is not None:
        # Its letter, which had no copies, stays as one that was called off.
        issue.letter.state, issue.letter.started_at = LetterState.CANCELLED, None
        issue.letter_id = issue.frozen_number = None
    issue_store.remove(session, issue)
