"""Deleting an issue, and the bin from which it can be restored for 30 days."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.editorial.issues import drafts, issue_bin, issue_store
from newsletter.web import auth
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, lookup, undo_flash


def delete_form(slug: str) -> str:
    """Ask for confirmation, listing everything that would be deleted."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        return frame.page(
            store,
            "delete.html",
            "issues",
            found.publication,
            issue=found,
            authors=store.scalars(issue_store.authors(found)).all(),
            unsaved=store.scalars(drafts.unsaved_drafts(found)).all(),
            version=lookup.version(found),
            days=issue_bin.KEPT_FOR.days,
        )


def delete(slug: str) -> ResponseReturnValue:
    """Move a draft that was never scheduled into the bin, with all its revisions."""
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        deleted = issue_bin.discard(store, found, auth.email(), now())
        undo = url_for("desk.restore_issue", deleted_id=deleted.id)
        undo_flash.flash_with_fields(
            f"“{deleted.title}” is in the bin for {issue_bin.KEPT_FOR.days} days.", "Undo", undo, []
        )
    return redirect(url_for("desk.issues"), 303)


def bin_page() -> str:
    """The deleted issues of the publication, the last deleted first."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        deleted = issue_bin.deleted_issues(store, publication.id)
        values = {"deleted": deleted, "kept_for": issue_bin.KEPT_FOR, "zone": publication.time_zone}
        return frame.page(store, "bin.html", "issues", publication, **values)


def restore_issue(deleted_id: int) -> ResponseReturnValue:
    """Make a deleted issue a draft again."""
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        issue = issue_bin.restore_issue(store, publication.id, deleted_id)
        audit_hook.set_issue(issue)
        flash(f"“{issue.title}” is back, as a draft.")
        page = url_for("desk.issue", slug=issue.slug)
    return redirect(page, 303)


def delete_for_good(deleted_id: int) -> ResponseReturnValue:
    """Delete an issue from the bin; it cannot be restored after this."""
    with services().sessions.begin() as store:
        publication = frame.current_publication(store)
        title = issue_bin.delete_for_good(store, publication.id, deleted_id)
        audit_hook.set_publication(publication)
        audit_hook.add_details(title=title)
        flash(f"“{title}” is deleted for good.")
    return redirect(url_for("desk.bin_page"), 303)
