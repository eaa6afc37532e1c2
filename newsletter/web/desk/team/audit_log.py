"""The audit log at the desk, page by page or as a CSV file, and the history of one issue."""

from collections.abc import Iterator, Mapping, Sequence

from flask import Response, request

from newsletter import audit
from newsletter.audit import AuditEntry
from newsletter.characters import storable
from newsletter.db import Session
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue
from newsletter.web.context import page_request, services
from newsletter.web.desk import csv_export, frame, lookup

_A_PAGE = 50
_A_BATCH = 500
_FILTERS = ("who", "act", "kind", "about")
_COLUMNS = ("at", "who", "role", "act", "kind", "about", "details", "network")


def audit_log() -> str:
    """The entries, newest first; `?who=` and `?act=` filter, `?before=` and `?after=` page."""
    asked = _asked()
    with services().sessions.reading() as store:
        page = audit.page(store, audit.matching(asked), page_request(), _A_PAGE)
        people, acts = store.scalars(audit.actors()).all(), store.scalars(audit.actions()).all()
        values = {"asked": asked, "people": people, "acts": acts, "issues": _issues(store, page.rows)}
        return frame.page(store, "audit.html", "settings", None, page=page, **values)


def audit_sheet() -> Response:
    """All matching entries as a CSV file, with formulas escaped for spreadsheets."""
    return csv_export.answer("audit.csv", _lines(_asked()))


def issue_acts(slug: str) -> str:
    """The entries about one issue, newest first."""
    with services().sessions.reading() as store:
        issue = lookup.issue(store, slug)
        page = audit.page(
            store, audit.entries_of_issue(issue.id, issue.slug, issue.created_at), page_request(), _A_PAGE
        )
        return frame.page(store, "issue_acts.html", "issues", issue.publication, issue=issue, page=page)


def _issues(store: Session, rows: Sequence[AuditEntry]) -> Mapping[int, Issue]:
    """The issues that entries are about and that still exist, by id."""
    abouts = {row.about for row in rows if row.kind == audit.ISSUE}
    known: dict[str, Issue] = {}
    for issue in store.scalars(issue_store.named(audit.subject_issue_ids(abouts), abouts)):
        known |= {audit.issue_subject(issue.id): issue, issue.slug: issue}
    # An issue created after the entry has the reused id or slug of one that was deleted.
    return {row.id: known[row.about] for row in rows if row.about in known and known[row.about].created_at <= row.at}


def _asked() -> dict[str, str]:
    typed = {name: storable(request.args.get(name, "")) for name in _FILTERS}
    return {name: value for name, value in typed.items() if value}


def _lines(asked: Mapping[str, str]) -> Iterator[Sequence[object]]:
    yield _COLUMNS
    before: int | None = None
    while True:
        # No transaction stays open between two batches.
        with services().sessions.reading() as store:
            batch = store.scalars(audit.matching(asked, before).limit(_A_BATCH)).all()
        yield from map(_cells, batch)
        if len(batch) < _A_BATCH:
            return
        before = batch[-1].id


def _cells(row: AuditEntry) -> Sequence[object]:
    details = "; ".join(f"{name}: {value}" for name, value in row.details.items())
    return (row.at, row.who, row.role, row.act, row.kind, row.about, details, row.network)
