"""Sheets: a report, or the readers behind one of its numbers, as a CSV file in which a spreadsheet finds no formula."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from flask import Response, request

from newsletter.audience.importing.csv_export import escape_formula
from newsletter.delivery.reports.recipients import RecipientRow
from newsletter.delivery.reports.stats import DomainStats
from newsletter.errors import Unavailable
from newsletter.web.context import services
from newsletter.web.desk import lookup, progress_view, streams
from newsletter.workflows import issue_report
from newsletter.workflows.issue_report import IssueReport

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
_BUSY = "Several downloads are already being prepared. Try again in a minute."


def report_sheet(slug: str) -> Response:
    """A report's every number: what it is about, of what or when, and how many."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        told = issue_report.issue_report(store, found, progress_view.stats_of(store, found))
    return answer(f"{slug}-report.csv", _report(told))


def copies(lines: Iterable[RecipientRow]) -> Iterator[str]:
    """The lines of a roll."""
    yield row(RecipientRow._fields)
    yield from (row(line) for line in lines)


def answer(name: str, lines: Iterable[str]) -> Response:
    """The file, written while it is read; Unavailable while too many others are."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if request.method == "HEAD":
        return Response(mimetype="text/csv", headers=headers)
    made = streams.stream("text/csv", streams.chunked(lines), **headers)
    if made is None:
        raise Unavailable(_BUSY)
    return made


def row(cells: Iterable[object]) -> str:
    """One line (RFC 4180)."""
    line = io.StringIO()
    csv.writer(line).writerow(map(_cell, cells))
    return line.getvalue()


def _report(told: IssueReport) -> Iterator[str]:
    yield row(("about", "of", "what", "number"))
    for name in _COUNTS:
        yield row(("copies", told.result.title, name, getattr(told.account.counts, name)))
    yield row(("copies", told.result.title, "sent again, being in doubt", told.resent))
    yield row(("readers", told.result.title, "unsubscribed", told.result.left))
    for span in told.account.spans:
        yield row(("sent within", span.at, f"{int(told.account.bucket.total_seconds()) // 60} minutes", span.sent))
    for share in [*told.account.domains, *filter(None, [told.account.others])]:
        yield from _share(share)
    for link in told.links:
        yield row(("clicks", link.url, f"link {link.number}", link.clicks))
    for amended in told.corrections:
        for name in _COUNTS if amended.counts else ():
            yield row(("correction", amended.correction.made_at, name, getattr(amended.counts, name)))
    for measure in told.measures:
        yield row(("this issue", told.result.title, measure.name, measure.value))
        yield row(("usual", f"median of {len(measure.earlier)} before it", measure.name, measure.usual))
        for one, value in measure.earlier:
            yield row(("earlier issue", one.title, measure.name, value))


def _share(share: DomainStats) -> Iterator[str]:
    for name in DomainStats._fields[1:]:
        yield row(("domain", share.domain or "others", name, getattr(share, name)))


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return escape_formula(value) if isinstance(value, str) else value
