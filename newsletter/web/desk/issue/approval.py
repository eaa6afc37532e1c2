"""Approving an issue: the page with the exact content to approve, and its buttons."""

from collections.abc import Callable

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.editorial.issues import correction_draft, issue_store
from newsletter.editorial.issues.approvals import Content
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict, Invalid, Refused
from newsletter.web import auth
from newsletter.web.context import kept_query, now, services
from newsletter.web.desk import frame, lookup, previews, words
from newsletter.web.desk.issue import changes, correction_review
from newsletter.workflows import approve_issue as workflows_approve_issue
from newsletter.workflows import test_mail
from newsletter.workflows.approve_issue import Review

_Act = Callable[[Session, Issue, Review], str]


def approval(slug: str) -> ResponseReturnValue:
    """The content that would be sent, what has changed since the last approval, and the buttons."""
    with services().sessions.reading() as store:
        if correction_draft.is_prepared(store, lookup.issue(store, slug)):
            return redirect(url_for("desk.review_correction", slug=slug), 303)
    return _page(slug)


def ask_approval(slug: str) -> ResponseReturnValue:
    """Mail the people who can approve it."""
    chosen = request.form.getlist("approver")

    def ask(store: Session, found: Issue, asking: Review) -> str:
        asked = workflows_approve_issue.request_approval(store, services().audience, found, asking, chosen, now())
        return f"Asked {', '.join(asked)} by email."

    return _decide(slug, "ask", ask)


def approve_issue(slug: str) -> ResponseReturnValue:
    """Approve the content that the page showed."""

    def approve(store: Session, found: Issue, review: Review) -> str:
        workflows_approve_issue.approve(store, services().links, found, review, now())
        if issue_store.is_out(found):
            return f"Approved. The correction of “{found.title}” may be published as it is now."
        return f"Approved. “{found.title}” may go out as it is now."

    return _decide(slug, "approve", approve)


def send_back(slug: str) -> ResponseReturnValue:
    """Make it a draft again, with a comment on what to change."""

    def back(store: Session, found: Issue, review: Review) -> str:
        workflows_approve_issue.send_back(store, services().links, found, review, now())
        if issue_store.is_out(found):
            return "Sent back, with your comment."
        return f"Sent back. “{found.title}” is a draft again, with your comment."

    return _decide(slug, "send-back", back)


def withdraw_approval(slug: str) -> ResponseReturnValue:
    """Withdraw the approval."""

    def withdraw(store: Session, found: Issue, review: Review) -> str:
        was_scheduled = workflows_approve_issue.withdraw(store, services().links, found, review, now())
        return "Taken back." + (" It is not scheduled any more." if was_scheduled else "")

    return _decide(slug, "withdraw", withdraw)


def _decide(slug: str, form: str, act: _Act) -> ResponseReturnValue:
    comment = request.form.get("comment", "")
    try:
        with services().sessions.begin() as store:
            found = lookup.require_unchanged(store, slug, request.form)
            review = Review(Content.sealed(request.form.get("content", "")), auth.email(), comment)
            flash(act(store, found, review))
    except Invalid as error:
        return _page(slug, form, comment, fault=words.as_sentence(error)), 422
    except Refused as error:
        return _page(slug, form, comment, above=words.as_sentence(error)), 409
    return redirect(url_for("desk.approval", slug=slug, **kept_query()), 303)


def _page(slug: str, form: str = "", typed: str = "", fault: str = "", above: str = "") -> str:
    """The page again, with what was typed, and the reason for a refusal beside the comment or at the top."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        if correction_draft.is_prepared(store, found):
            return correction_review.page(store, found, above=above or fault, comment=typed)
        status = workflows_approve_issue.approval_status(store, services().links, found)
        if not (status.is_required or status.steps):
            raise Conflict(
                f"{found.publication.name} does not require approval; an owner can change that in the settings."
            )
        person = auth.person()
        return frame.page(
            store,
            "approval.html",
            "issues",
            found.publication,
            issue=found,
            approval=status,
            refusal=status.refusal(person.email, person.role) if person else "",
            approvers=workflows_approve_issue.possible_approvers(store, found),
            since_approval=changes.changes_since(store, found, status.last.revision_number) if status.last else (),
            since_test=changes.changes_since_test(store, found),
            tested=test_mail.latest_test(store, found),
            mail=previews.current_mail(found),
            view=previews.chosen_view(request.args),
            version=lookup.version(found),
            form=form,
            typed=typed,
            fault=fault,
            above=above,
        )
