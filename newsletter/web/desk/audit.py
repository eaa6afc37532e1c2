"""The audit log as the desk shows it: who did what, a page at a time, or as a sheet; and the history of one issue."""

import csv
import io
from collections.abc import Iterator, Sequence

from flask import Response, request

from newsletter import audit
from newsletter.audience.exporting import defused
from newsletter.audit import Entry
from newsletter.db import Session
from newsletter.web.desk import frame, lookup
from newsletter.web.house import house

_A_PAGE = 50
_FILTERS = ("who", "act", "kind", "about")
_COLUMNS = ("at", "who", "role", "act", "kind", "about", "details", "network")


def audit_log() -> str:
    """What was done, newest first; `?who=` and `?act=` for some of it, `?before=` for what is older."""
    asked = _asked()
    with house().sessions.reading() as store:
        rows, older = _some(store, asked, request.args.get("before", type=int))
        people, acts = store.scalars(audit.people()).all(), store.scalars(audit.acts()).all()
        shown = {"rows": rows, "older": older, "asked": asked, "people": people, "acts": acts}
        return frame.page(store, "audit.html", "settings", None, **shown)


def audit_sheet() -> Response:
    """The same as a CSV file, all of it, in which a spreadsheet finds no formula."""
    with house().sessions.reading() as store:
        sheet = "".join(_lines(store.scalars(audit.found(_asked()))))
    return Response(sheet, mimetype="text/csv", headers={"Content-Disposition": 'attachment; filename="audit.csv"'})


def issue_acts(slug: str) -> str:
    """What was done about one issue, newest first."""
    with house().sessions.reading() as store:
        issue = lookup.issue(store, slug)
        asked = {"kind": "issue", "about": issue.slug}
        rows, older = _some(store, asked, request.args.get("before", type=int))
        return frame.page(store, "issue_acts.html", "issues", issue.publication, issue=issue, rows=rows, older=older)


def _some(store: Session, asked: dict[str, str], before: int | None) -> tuple[Sequence[Entry], int | None]:
    """The rows of a page, and the number to go on before; None where nothing is older."""
    fits = before is None or abs(before) < 1 << 63
    found = store.scalars(audit.found(asked, before if fits else None).limit(_A_PAGE + 1)).all()
    return found[:_A_PAGE], found[_A_PAGE - 1].id if len(found) > _A_PAGE else None


def _asked() -> dict[str, str]:
    # PostgreSQL cannot even be asked about a NUL.
    typed = {name: request.args.get(name, "").replace("\0", "") for name in _FILTERS}
    return {name: value for name, value in typed.items() if value}


def _lines(rows: Iterator[Entry]) -> Iterator[str]:
    yield _line(_COLUMNS)
    for row in rows:
        details = "; ".join(f"{name}: {value}" for name, value in row.details.items())
        yield _line((row.at.isoformat(), row.who, row.role, row.act, row.kind, row.about, details, row.network))


def _line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(map(defused, cells))
    return line.getvalue()
