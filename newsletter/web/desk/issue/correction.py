"""Correcting a published issue: the archive shows the corrected text; mail that was sent stays as it was."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.editorial.issues import corrections, diff, issue_store, merge
from newsletter.editorial.issues.corrections import Amendment, NoNote
from newsletter.editorial.issues.diff import Piece
from newsletter.editorial.issues.drafts import Faulty
from newsletter.editorial.models import Correction, Issue
from newsletter.errors import Conflict
from newsletter.web import auth
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, frame, lookup, progress_view, words
from newsletter.web.desk.lookup import Mailed
from newsletter.web.desk.writing import editor_form
from newsletter.workflows import correct_issue


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a correction was refused: shown beside the note, beside the text, or at the top."""

    status: HTTPStatus
    note: str = ""
    text: Sequence[str] = ()
    above: str = ""


_NONE = _Refusal(HTTPStatus.OK)


def amend_form(slug: str) -> ResponseReturnValue:
    """The form: the text as the archive shows it, and a line for the note."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        corrections.require_out(found)
        return _form(store, found, Amendment(found.revision.source, found.revision_number, "", _next(found)))


def amend_issue(slug: str) -> ResponseReturnValue:
    """Publish the corrected text with its note; if refused, the form comes back with what was typed."""
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        note = editor_form.storable(request.form.get("note", ""))
        wanted = Amendment(
            editor_form.text(store, found).source, editor_form.base_revision(), note, editor_form.parse_count("number")
        )
    try:
        with services().sessions.begin() as store:
            made = corrections.amend(store, lookup.issue(store, slug), wanted, auth.email(), now())
            audit_hook.add_details(correction=made.number)
            flash("Corrected. The archive shows the new text, with your note above it.")
            return redirect(url_for("desk.correction", slug=slug, number=made.number), 303)
    except NoNote as error:
        refusal = _Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, note=str(error))
    except Faulty as error:
        refusal = _Refusal(
            HTTPStatus.UNPROCESSABLE_ENTITY, text=[_fault_text(fault.line, fault.text) for fault in error.faults]
        )
    except Conflict as error:
        refusal = _Refusal(HTTPStatus.CONFLICT, above=str(error))
    with services().sessions.reading() as store:
        return _form(store, lookup.issue(store, slug), wanted, refusal)


def correction(slug: str, number: int) -> str:
    """One correction: its note, its diff to the text that was mailed, and the state of its letter."""
    with services().sessions.reading() as store:
        found, made = lookup.correction(store, slug, number)
        return frame.page(
            store,
            "correction.html",
            "issues",
            found.publication,
            issue=found,
            correction=made,
            pieces=_changed(found, made),
            blocker="" if made.letter else correct_issue.mailing_blocker(found),
            mailed=Mailed(found, made),
            coming=correct_issue.count_coming(store, found, made),
            progress=progress_view.progress_of(store, made.letter, fresh=True),
        )


def _changed(found: Issue, made: Correction) -> Sequence[Piece]:
    """The diff from the mailed to the corrected text; empty if there is none."""
    mailed = found.frozen_revision.source if found.frozen_revision else ""
    pieces = diff.compare(mailed, made.revision.source)
    return diff.fold_unchanged(pieces) if diff.is_changed(pieces) else ()


def _form(store: Session, found: Issue, wanted: Amendment, refusal: _Refusal = _NONE) -> ResponseReturnValue:
    # After a conflict the form continues from the newest text, and shows the diff to it.
    is_behind = refusal.status is HTTPStatus.CONFLICT
    if is_behind:
        before = issue_store.revision(store, found, wanted.base).source
        wanted = replace(wanted, source=merge.merge(before, wanted.source, found.revision.source).text)
    pieces = diff.compare(found.revision.source, wanted.source) if is_behind else ()
    page = frame.page(
        store,
        "amend.html",
        "issues",
        found.publication,
        issue=found,
        wanted=wanted,
        base=found.revision_number if is_behind else wanted.base,
        number=_next(found) if is_behind else wanted.number,
        longest_note=corrections.LONGEST_NOTE,
        refusal=refusal,
        pieces=diff.fold_unchanged(pieces),
    )
    return page, refusal.status


def _next(found: Issue) -> int:
    return len(found.corrections) + 1


def _fault_text(line: int | None, fault: str) -> str:
    sentence = words.as_sentence(fault)
    return f"Line {line}: {sentence}" if line else sentence
