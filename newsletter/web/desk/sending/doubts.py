"""Copies in doubt, whose answer was lost, and a person's decisions about them, one by one or all at once."""

from collections.abc import Sequence

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.db import Session
from newsletter.delivery.ledger import doubts as in_doubt
from newsletter.delivery.models import Copy
from newsletter.errors import Conflict, Invalid
from newsletter.i18n import formats
from newsletter.web.context import now, row_id, services
from newsletter.web.desk import audit_hook, frame, lookup
from newsletter.web.desk.lookup import Mailed
from newsletter.workflows import resolve_doubts
from newsletter.workflows.resolve_doubts import Decision, Resolution

_SHOWN = 50
_DONE = {
    Decision.RESEND: "{} will be sent again, under the same Message-ID.",
    Decision.SENT: "{} marked as sent.",
    Decision.LEAVE: "{} left in doubt, and not sent again.",
}


def doubts(slug: str, number: int | None = None, letter_id: int | None = None) -> str:
    """The undecided copies of an issue, of a correction of it, or of its letter in a welcome series, oldest first."""
    with services().sessions.reading() as store:
        mailed = lookup.mailed(store, slug, number, letter_id)
        found, letter_id = mailed.issue, _letter_id(mailed)
        copies: Sequence[Copy] = store.scalars(in_doubt.undecided(letter_id).limit(_SHOWN)).all()
        ids = [copy.id for copy in copies]
        return frame.page(
            store,
            "doubts.html",
            "issues",
            found.publication,
            mailed=mailed,
            zone=found.publication.time_zone,
            copies=copies,
            total=in_doubt.count_open(store, letter_id),
            message_ids=in_doubt.message_ids(store, services().links, letter_id, ids) if ids else {},
            version=lookup.version(found),
        )


def settle_doubts(slug: str, number: int | None = None, letter_id: int | None = None) -> ResponseReturnValue:
    """Decide about the copies named in the form, or about all that its page counted."""
    with services().sessions.begin() as store:
        lookup.require_unchanged(store, slug, request.form)
        mailed, decision = lookup.mailed(store, slug, number, letter_id), _decision()
        ids = request.form.getlist("copy", type=row_id)
        if not ids:
            _require_as_many(store, mailed)
        settled = resolve_doubts.resolve(store, mailed.letter, decision, now(), ids)
        audit_hook.add_details(decision=decision, copies=len(settled.copies))
        _flash_result(settled, decision)
        if in_doubt.count_open(store, _letter_id(mailed)):
            return redirect(url_for("desk.doubts", **mailed.place), 303)
    if mailed.in_series:
        return redirect(url_for("desk.series_page"), 303)
    return redirect(url_for("desk.correction" if mailed.correction else "desk.issue", **mailed.place), 303)


def _letter_id(mailed: Mailed) -> int:
    return mailed.letter.id if mailed.letter else 0


def _decision() -> Decision:
    asked = request.form.get("decision", "")
    if asked not in set(Decision):
        raise Invalid("Say what to do with it: send it again, mark it as sent, or leave it in doubt. Nothing was done.")
    return Decision(asked)


def _require_as_many(store: Session, mailed: Mailed) -> None:
    # A decision about all refers to those that the page counted.
    total = in_doubt.count_open(store, _letter_id(mailed))
    if request.form.get("total", type=int) != total:
        raise Conflict(
            f"{formats.counted(total, 'copy')} of it {formats.plural(total, 'is', 'are')} in doubt now, more or fewer "
            "than the page said. Nothing was done. Look at them again, then decide."
        )


def _flash_result(settled: Resolution, decision: Decision) -> None:
    if settled.copies:
        flash(_DONE[decision].format(formats.counted(len(settled.copies), "copy")))
    if settled.spared:
        flash(
            f"{formats.counted(len(settled.spared), 'copy')} not sent again, "
            "because the reader has gone in the meantime."
        )
