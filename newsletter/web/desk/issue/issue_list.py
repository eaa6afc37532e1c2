"""The list of issues: by state, or those that a search finds."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import request

from newsletter.db import HIGHEST_ID, Session
from newsletter.editorial.imported import posts
from newsletter.editorial.issues import approvals, desk_index, issue_bin, listing
from newsletter.editorial.issues.indexing import LabelKind
from newsletter.editorial.issues.listing import Criteria
from newsletter.editorial.models import Issue, IssueState
from newsletter.editorial.schedule import queue
from newsletter.engagement import requests
from newsletter.i18n import formats
from newsletter.pagination import FIRST_PAGE, Page
from newsletter.publications import Publication
from newsletter.web.context import page_request, services
from newsletter.web.desk import frame, words

_AT_FIRST = 10
_A_PAGE = 50
_SEARCHED = ("q", "month", "author", "tag")


def issues() -> str:
    """The first issues of each state; with `?state=`, `?q=`, `?month=`, `?author=` or `?tag=` those found, paged."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        months = listing.months(store, publication)
        wanted = _criteria(months)
        pages = _pages(store, publication, wanted)
        rows = [issue for page in pages.values() for issue in page.rows]
        return frame.page(
            store,
            "issues.html",
            "issues",
            publication,
            counts=listing.count_by_state(store, publication, wanted),
            has_issues=bool(months),
            pages_of=pages,
            wanted=wanted,
            query={name: text for name, text in _query_of_list().items() if name in _SEARCHED},
            months=[(month, formats.calendar_month(date.fromisoformat(f"{month}-01"))) for month in months],
            authors=_options(desk_index.label_names(store, publication.id, LabelKind.AUTHOR)),
            tags=_options(desk_index.label_names(store, publication.id, LabelKind.TAG)),
            queued={issue_id: place for place, issue_id in enumerate(queue.order(store, publication.id), 1)},
            unapproved=approvals.awaiting(store, rows) if publication.requires_approval else frozenset(),
            deleted=issue_bin.count_deleted(store, publication.id),
            imported=sum(posts.count_imports(store, publication.id)),
            sample_issue=posts.sample_issue(store, publication.id),
            requests_waiting=requests.count_waiting(store, publication.id),
        )


def _query_of_list() -> dict[str, Any]:
    """The parameters of the URL of the list that this request is about, without its page."""
    asked = {name: desk_index.clean_search(request.args.get(name, "")) for name in (*_SEARCHED, "state")}
    return {name: text for name, text in asked.items() if text}


def _criteria(months: list[str]) -> Criteria:
    asked = _query_of_list()
    state, month = asked.get("state"), asked.get("month", "")
    return Criteria(
        state=IssueState(state) if state in set(IssueState) else None,
        typed=asked.get("q", ""),
        month=month if month in months else "",
        author=asked.get("author", ""),
        tag=asked.get("tag", ""),
    )


def _pages(store: Session, publication: Publication, wanted: Criteria) -> dict[IssueState | None, Page[Issue]]:
    """A page of what was asked for; if nothing was, the beginning of each state."""
    if wanted.state is None and request.args.get("state"):
        return {None: Page([], {}, {})}
    if wanted != Criteria():
        return {wanted.state: listing.page(store, publication, wanted, page_request(HIGHEST_ID), _A_PAGE)}
    firsts = {state: listing.page(store, publication, Criteria(state), FIRST_PAGE, _AT_FIRST) for state in words.GROUPS}
    return {state: page for state, page in firsts.items() if page.rows}


def _options(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, name) for name in names]
