"""Diffs for pages: unchanged passages folded, and nothing if nothing changed."""

from collections.abc import Sequence

from newsletter.db import Session
from newsletter.editorial.issues import diff
from newsletter.editorial.issues.diff import Piece
from newsletter.editorial.models import Issue
from newsletter.workflows import test_mail


def changes_since(store: Session, found: Issue, revision_number: int) -> Sequence[Piece]:
    """The diff from that revision to the newest one; empty if there is none."""
    pieces = test_mail.changed_since(store, found, revision_number)
    return diff.fold_unchanged(pieces) if diff.is_changed(pieces) else ()


def changes_since_test(store: Session, found: Issue) -> Sequence[Piece]:
    """The diff since the last test mail; empty if nothing changed or there was no test."""
    tested = test_mail.latest_test(store, found)
    return changes_since(store, found, tested.revision_number) if tested else ()
