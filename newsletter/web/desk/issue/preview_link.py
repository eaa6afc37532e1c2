"""A preview link: shows a draft to somebody without an account, for some days."""

from datetime import timedelta

from flask import request

from newsletter.db import require_witness
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, lookup

DAYS = (1, 7, 30)


def preview_link_form(slug: str) -> str:
    """Ask how long the link is to work."""
    with services().sessions.reading() as store:
        issue = _open_issue(lookup.issue(store, slug))
        return frame.page(
            store, "preview_link.html", "issues", issue.publication, issue=issue, days=DAYS, link="", until=None
        )


def make_preview_link(slug: str) -> str:
    """Show a link that works for the days chosen; it is recorded, for it lets somebody in who has no account."""
    chosen = request.form.get("days", type=int)
    days = chosen if chosen in DAYS else DAYS[0]
    with services().sessions.begin() as store:
        issue = _open_issue(lookup.issue(store, slug))
        until = now() + timedelta(days=days)
        link = services().links.draft(issue.id, issue.created_at, until)
        audit_hook.add_details(days=days)
        require_witness(store)
        return frame.page(
            store, "preview_link.html", "issues", issue.publication, issue=issue, days=DAYS, link=link, until=until
        )


def _open_issue(issue: Issue) -> Issue:
    if issue.letter and issue.letter.started_at:
        raise Conflict(f"“{issue.title}” is out, so anybody can read it: {services().links.archive(issue.slug)}")
    return issue
