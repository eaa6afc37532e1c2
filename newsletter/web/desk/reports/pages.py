"""Reports: the results of all issues that went out, and all details of one."""

from collections.abc import Iterator, Sequence

from flask import Response, request

from newsletter.db import Session
from newsletter.delivery.ledger import doubts
from newsletter.delivery.reports import failures, provider_results
from newsletter.delivery.reports.provider_results import ProviderResult
from newsletter.delivery.reports.stats import DomainStats
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.heartbeat import MailKind
from newsletter.editorial.imported import posts
from newsletter.editorial.issues import archive, correction_draft, issue_store
from newsletter.editorial.models import Issue, IssueKind, IssueState
from newsletter.engagement.helpfulness import Answer
from newsletter.publications import Publication
from newsletter.web.context import now, services
from newsletter.web.desk import csv_export, frame, lookup, progress_view
from newsletter.workflows import issue_report
from newsletter.workflows.issue_report import IssueReport, SeriesResult

_PAGE = 10
_MOST_PAGES = 10_000
_COUNTS = (
    "audience",
    "pending",
    "sending",
    "sent",
    "refused",
    "failed",
    "skipped",
    "in_doubt",
    "bounced",
    "complained",
)


def reports() -> str:
    """The issues that went out, newest first, with their results; `?page=` for older ones."""
    page = min(max(request.args.get("page", 1, type=int), 1), _MOST_PAGES)
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        mailed = posts.without_imports(archive.published(publication.id, *IssueKind))
        # One more than is shown, to know whether there is a next page.
        out = store.scalars(mailed.offset((page - 1) * _PAGE).limit(_PAGE + 1)).all()
        return frame.page(
            store,
            "reports.html",
            "reports",
            publication,
            rows=list(zip(out, issue_report.results(store, out[:_PAGE]), strict=False)),
            zone=publication.time_zone,
            page=page,
            providers=_providers(store, publication) if page == 1 else (),
            has_older=len(out) > _PAGE,
        )


def _providers(store: Session, publication: Publication) -> Sequence[ProviderResult]:
    recent = provider_results.recent_letters(store, now(), publication.id)
    return provider_results.shortened(provider_results.of_letters(store, recent))


def report(slug: str) -> str:
    """The full report of one issue."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        return _page(store, found, issue_report.issue_report(store, found, progress_view.stats_of(store, found)))


def report_sheet(slug: str) -> Response:
    """All numbers of a report: the category, the item or time, and the number."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        details = issue_report.issue_report(store, found, progress_view.stats_of(store, found))
    return csv_export.answer(f"{slug}-report.csv", _rows(details))


def _page(store: Session, found: Issue, details: IssueReport) -> str:
    return frame.page(
        store,
        "report.html",
        "reports",
        found.publication,
        issue=found,
        mailed=lookup.Mailed(found),
        report=details,
        letter_counts={amended.correction.number: amended.counts for amended in details.corrections if amended.counts},
        zone=found.publication.time_zone,
        failures=failures.list_failures(store, details.letter.id) if details.letter.final_counts is None else (),
        open_doubts=doubts.count_open(store, details.letter.id),
        away=heartbeat.unreachable_servers(store, MailKind.ISSUES, now())
        if issue_store.state(found) is IssueState.SENDING
        else (),
        are_copies_kept=details.letter.final_counts is None,
        is_prepared=correction_draft.is_prepared(store, found),
    )


def _rows(details: IssueReport) -> Iterator[Sequence[object]]:
    yield "about", "of", "what", "number"
    for name in _COUNTS:
        yield "copies", details.result.title, name, getattr(details.account.counts, name)
    yield "copies", details.result.title, "sent again, being in doubt", details.resent
    yield "readers", details.result.title, "unsubscribed", details.result.left
    for name in Answer if details.result.helpfulness else ():
        yield "did this help", details.result.title, name, getattr(details.result.helpfulness, name)
    for span in details.account.spans:
        yield "sent within", span.at, f"{int(details.account.bucket.total_seconds()) // 60} minutes", span.sent
    for share in [*details.account.domains, *filter(None, [details.account.others])]:
        for name in DomainStats._fields[1:]:
            yield "domain", share.domain or "others", name, getattr(share, name)
    for link in details.links:
        yield "clicks", link.url, f"link {link.number}", link.clicks
    for amended in details.corrections:
        for name in _COUNTS if amended.counts else ():
            yield "correction", amended.correction.made_at, name, getattr(amended.counts, name)
    for name in SeriesResult._fields[1:] if details.series else ():
        yield "welcome series", details.result.title, name, getattr(details.series, name)
    for measure in details.measures:
        yield "this issue", details.result.title, measure.name, measure.value
        yield "usual", f"median of {len(measure.earlier)} before it", measure.name, measure.usual
        for one, value in measure.earlier:
            yield "earlier issue", one.title, measure.name, value
