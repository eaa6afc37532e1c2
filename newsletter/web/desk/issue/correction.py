"""A correction that was published: its note, what it changed, and the state of its letter."""

from collections.abc import Sequence

from newsletter.editorial.issues import diff
from newsletter.editorial.issues.diff import Piece
from newsletter.editorial.models import Correction, Issue
from newsletter.web.context import now, services
from newsletter.web.desk import frame, lookup, progress_view
from newsletter.web.desk.lookup import Mailed
from newsletter.workflows import correct_issue


def correction(slug: str, number: int) -> str:
    """One correction: its note, its diff to the text that was mailed, and the state of its letter."""
    with services().sessions.reading() as store:
        found, made = lookup.correction(store, slug, number)
        return frame.page(
            store,
            "correction.html",
            "issues",
            found.publication,
            issue=found,
            correction=made,
            pieces=_changed(found, made),
            blocker="" if made.letter else correct_issue.mailing_blocker(found),
            mailed=Mailed(found, made),
            coming=correct_issue.count_coming(store, found, made, now()),
            progress=progress_view.progress_of(store, made.letter, fresh=True),
        )


def _changed(found: Issue, made: Correction) -> Sequence[Piece]:
    """The diff from the mailed to the corrected text; empty if there is none."""
    mailed = found.frozen_revision.source if found.frozen_revision else ""
    pieces = diff.compare(mailed, made.revision.source)
    return diff.fold_unchanged(pieces) if diff.is_changed(pieces) else ()
