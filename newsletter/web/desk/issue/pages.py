"""The page of one issue."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.editorial.imported import posts
from newsletter.editorial.issues import correction_draft, drafts, issue_store
from newsletter.editorial.models import Issue, IssueKind, IssueState, Readiness
from newsletter.editorial.schedule import queue
from newsletter.editors import Role
from newsletter.web.context import services
from newsletter.web.desk import audit_hook, frame, lookup, outlook, previews, undo_flash, words
from newsletter.workflows import approve_issue, issue_readiness, peer_archives, sample_issue, test_mail


def issue(slug: str) -> str:
    """One issue; `?view=` selects the preview."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        imported = posts.find_import(store, found)
        return frame.page(
            store,
            "issue.html",
            "issues",
            found.publication,
            issue=found,
            mailed=lookup.Mailed(found),
            mail=previews.current_mail(found),
            outlook=outlook.of_issue(store, found),
            last_hour=outlook.last_hour(store, found, found.letter.due_at)
            if found.letter and issue_store.state(found) is IssueState.SCHEDULED
            else None,
            view=previews.chosen_view(request.args),
            version=lookup.version(found),
            approval=approve_issue.approval_status(store, services().links, found),
            tested=test_mail.latest_test(store, found),
            unsaved=store.scalars(drafts.unsaved_drafts(found)).all(),
            is_prepared=correction_draft.is_prepared(store, found),
            imported=imported,
            program=peer_archives.PROGRAMS.get(imported.source, "") if imported else "",
        )


def remove_sample(slug: str) -> ResponseReturnValue:
    """Remove the sample issue, which nobody was sent."""
    with services().sessions.begin() as store:
        found = lookup.issue(store, slug)
        audit_hook.set_issue(found)
        sample_issue.remove_sample(store, found)
        flash(f"The sample issue, “{found.title}”, is removed.")
    return redirect(url_for("desk.issues"), 303)


def set_readiness(slug: str) -> ResponseReturnValue:
    """Mark an issue as ready, or as a draft again; Conflict if preflight blocks it."""
    wanted = Readiness.READY if request.form.get("readiness") == Readiness.READY else Readiness.DRAFT
    with services().sessions.begin() as store:
        found = lookup.require_unchanged(store, slug, request.form)
        issue_readiness.change_readiness(store, found, services().links, wanted)
        audit_hook.set_issue(found)  # which may have a new slug now
        audit_hook.add_details(readiness=wanted)
        _say_marked(store, found, f"“{found.title}” is marked as {wanted}.")
    return redirect(url_for("desk.issue", slug=found.slug), 303)


def _say_marked(store: Session, found: Issue, sentence: str) -> None:
    can_queue = found.kind is IssueKind.ISSUE and queue.is_ready(found) and queue.position(store, found) is None
    if can_queue and words.may(Role.EDITOR):
        undo_flash.flash_with_action(sentence, "Add to the queue", url_for("desk.enqueue", slug=found.slug), found)
    else:
        flash(sentence)
