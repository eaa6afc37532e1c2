"""The readers behind a number of a report, page by page or as a CSV file."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from flask import Response, request

from newsletter.audience import leaving_reasons, unsubscribe
from newsletter.characters import storable
from newsletter.db import Session
from newsletter.delivery.models import CopyState, Letter, Note
from newsletter.delivery.reports import recipients, stats
from newsletter.delivery.reports.recipients import RecipientFilter, RecipientRow
from newsletter.editorial.issues import archive
from newsletter.errors import Conflict
from newsletter.web.context import page_request, row_id, services
from newsletter.web.desk import csv_export, frame, lookup
from newsletter.web.desk.lookup import Mailed

_PAGE = 50
_LONGEST = 300


def copies(slug: str, number: int | None = None, letter_id: int | None = None) -> str:
    """The copies that match `?state=`, `?said=`, `?words=`, `?domain=`, …; `?after=` pages."""
    wanted = _wanted(request.args)
    with services().sessions.reading() as store:
        mailed = lookup.mailed(store, slug, number, letter_id)
        letter, publication = _letter_with_copies(mailed), mailed.issue.publication
        after = request.args.get("after", type=row_id) or _start(store, letter, wanted)
        page = recipients.page(store, letter.id, wanted, after, _PAGE)
        asked = _asked(request.args)
        return frame.page(
            store,
            "copies.html",
            "reports",
            publication,
            mailed=mailed,
            zone=publication.time_zone,
            wanted=wanted,
            lines=page.lines,
            asked=asked,
            next=asked | {"after": page.after} if page.after is not None else None,
            is_first="after" not in request.args,
        )


def copies_sheet(slug: str, number: int | None = None, letter_id: int | None = None) -> Response:
    """All of them as a CSV file."""
    wanted = _wanted(request.args)
    with services().sessions.reading() as store:
        mailed = lookup.mailed(store, slug, number, letter_id)
        letter = _letter_with_copies(mailed)
        after = _start(store, letter, wanted)
    rows = chain([RecipientRow._fields], recipients.iter_recipients(services().sessions, letter.id, wanted, after))
    return csv_export.answer(f"{mailed.name}-{_name(wanted)}.csv", rows)


def leavers(slug: str) -> str:
    """The readers who unsubscribed by the link in an issue, newest first; `?before=` and `?after=` page."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        page = unsubscribe.unsubscribes_page(store, found.letter_id or 0, page_request(), _PAGE)
        return frame.page(
            store,
            "leavers.html",
            "reports",
            found.publication,
            issue=found,
            zone=found.publication.time_zone,
            page=page,
            reasons=leaving_reasons.reasons_by_event(store, [event for event, _ in page.rows]),
        )


def reasons() -> str:
    """Why readers unsubscribed, in their words, newest first; `?before=` and `?after=` page."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        page = leaving_reasons.reasons_page(store, publication.id, page_request(), _PAGE)
        letter_ids = {reason.left.letter_id for reason in page.rows if reason.left.letter_id}
        return frame.page(
            store,
            "reasons.html",
            "reports",
            publication,
            zone=publication.time_zone,
            page=page,
            issues=archive.of_letters(store, letter_ids),
        )


def _letter_with_copies(mailed: Mailed) -> Letter:
    """The letter whose copies are listed; Conflict, with the reason, if they are not available."""
    if mailed.letter is None or mailed.letter.started_at is None:
        raise Conflict(f"Nobody has a copy, because it has not started to go out: {mailed.title}.")
    if mailed.letter.final_counts is not None:
        raise Conflict(
            "The copies can no longer be listed, because they were deleted to save space; the totals "
            f"stay in the report: {mailed.title}."
        )
    return mailed.letter


def _wanted(asked: Mapping[str, str]) -> RecipientFilter:
    state, note = asked.get("state", ""), asked.get("note", "")
    known = CopyState(state) if state in set(CopyState) else None
    text = _asked(asked)
    plain = RecipientFilter(known, put_off=state == "put_off", note=Note(note) if note in set(Note) else None)
    texts: dict[str, Any] = {name: text.get(name) for name in ("reason", "words", "domain")}
    return replace(plain, reply_code=text.get("said"), **texts)


def _asked(asked: Mapping[str, str]) -> dict[str, Any]:
    """The parameters that repeat the same query."""
    names = ("state", "said", "reason", "words", "domain", "note")
    return {name: storable(asked[name])[:_LONGEST] for name in names if name in asked}


def _start(store: Session, letter: Letter, wanted: RecipientFilter) -> int:
    # Notes of bounces and complaints are indexed by the copy's id, and other letters' copies have lower ids.
    return stats.letter_range(store, letter).first - 1 if wanted.note else 0


def _name(wanted: RecipientFilter) -> str:
    return "put-off" if wanted.put_off else str(wanted.note or wanted.state or "copies").replace("_", "-")
