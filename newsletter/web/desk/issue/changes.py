"""What a page shows of the changes to a text: folded where it stayed, and nothing where nothing changed."""

from collections.abc import Sequence

from newsletter.db import Session
from newsletter.editorial.issues import diff
from newsletter.editorial.issues.diff import Piece
from newsletter.editorial.models import Issue
from newsletter.workflows import test_mail


def changes_since(store: Session, found: Issue, revision_number: int) -> Sequence[Piece]:
    """What the newest revision changed in that one; empty where it changed nothing."""
    pieces = test_mail.changed_since(store, found, revision_number)
    return diff.fold_unchanged(pieces) if diff.is_changed(pieces) else ()


def changes_since_test(store: Session, found: Issue) -> Sequence[Piece]:
    """What changed since the last test mail; empty where nothing did, or there was none."""
    tested = test_mail.latest_test(store, found)
    return changes_since(store, found, tested.revision_number) if tested else ()
