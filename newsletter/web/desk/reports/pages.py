"""Reports: what came of every issue that went out, and of one issue all that is known."""

from flask import request

from newsletter.db import Session
from newsletter.delivery.ledger import doubts
from newsletter.delivery.reports import failures
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.heartbeat import MailKind
from newsletter.editorial.issues import archive, issue_store
from newsletter.editorial.models import Issue, IssueState
from newsletter.web.context import now, services
from newsletter.web.desk import frame, lookup, progress_view
from newsletter.workflows import issue_report
from newsletter.workflows.issue_report import IssueReport

_PAGE = 10
_MOST_PAGES = 10_000


def reports() -> str:
    """The issues that went out, newest first, with what came of them; `?page=` for older ones."""
    page = min(max(request.args.get("page", 1, type=int), 1), _MOST_PAGES)
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        # One more than is shown tells whether there is a page behind it.
        out = store.scalars(archive.published(publication.id).offset((page - 1) * _PAGE).limit(_PAGE + 1)).all()
        return frame.page(
            store,
            "reports.html",
            "reports",
            publication,
            rows=list(zip(out, issue_report.results(store, out[:_PAGE]), strict=False)),
            zone=publication.time_zone,
            page=page,
            has_older=len(out) > _PAGE,
        )


def report(slug: str) -> str:
    """All that came of one issue."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        return _page(store, found, issue_report.issue_report(store, found, progress_view.stats_of(store, found)))


def _page(store: Session, found: Issue, told: IssueReport) -> str:
    return frame.page(
        store,
        "report.html",
        "reports",
        found.publication,
        issue=found,
        mailed=lookup.Mailed(found),
        report=told,
        letter_counts={amended.correction.number: amended.counts for amended in told.corrections if amended.counts},
        zone=found.publication.time_zone,
        troubles=failures.list_failures(store, told.letter.id) if told.letter.final_counts is None else (),
        open_doubts=doubts.count_open(store, told.letter.id),
        away=heartbeat.unreachable_servers(store, MailKind.ISSUES, now())
        if issue_store.state(found) is IssueState.SENDING
        else (),
        are_copies_kept=told.letter.final_counts is None,
    )
