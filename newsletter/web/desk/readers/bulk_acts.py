"""Acts on all readers of a segment: ask, start, follow, stop and undo them."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.audience import bulk_acts
from newsletter.audience.bulk_acts import ActOrder
from newsletter.audience.models import BulkAct, BulkKind, BulkState
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.store import Segment
from newsletter.db import Session
from newsletter.delivery.workers import heartbeat
from newsletter.errors import Conflict, Invalid, NotFound, PressError
from newsletter.web import auth
from newsletter.web.context import now, services
from newsletter.web.desk import audit_hook, editor_names, frame, lookup
from newsletter.workflows import build_letter

_SHOWN = 10
_DONE = {
    BulkKind.TAG: "The tag is being added to them, one after the other.",
    BulkKind.UNTAG: "The tag is being removed from them, one after the other.",
    BulkKind.UNSUBSCRIBE: "They are being unsubscribed, one after the other.",
    BulkKind.ERASE: "They are being erased, one after the other.",
}


def bulk_act_form(segment_id: int) -> str:
    """Say what an act would do to how many readers, for confirmation."""
    with services().sessions.reading() as store:
        return _question(store, segment_id, _kind(request.args.get("kind", "")))


def start_bulk_act(segment_id: int) -> ResponseReturnValue:
    """Start an act, if as many readers belong to the segment as the page said, and what has to be typed was typed."""
    kind = _kind(request.form.get("kind", ""))
    tag, reason = (request.form.get(name, "") for name in ("tag", "reason"))
    try:
        # Counted in a reading session, because on SQLite a writing one would block all other writers.
        with services().sessions.reading() as store:
            members = _confirmed(store, lookup.segment(store, segment_id), kind)
        with services().sessions.begin() as store:
            found = lookup.segment(store, segment_id)
            made = bulk_acts.start_act(store, found, ActOrder(kind, tag, reason), members, auth.email(), now())
            audit_hook.add_details(kind=kind, tag=made.tag or None, readers=made.members)
            flash(_DONE[kind])
    except (Invalid, Conflict) as error:
        with services().sessions.reading() as store:
            return _question(store, segment_id, kind, error), 422 if isinstance(error, Invalid) else 409
    return _back(segment_id)


def bulk_act_progress(segment_id: int) -> str:
    """The part of a segment's page that tells how far its acts are."""
    with services().sessions.reading() as store:
        editor_names.look_up_in(store)
        return render_template("desk/parts/bulk_act_rows.html", **shown_acts(store, lookup.segment(store, segment_id)))


def shown_acts(store: Session, found: Segment) -> dict[str, object]:
    """The latest acts on a segment, for its page."""
    acts = bulk_acts.latest(store, found, _SHOWN)
    return {
        "segment": found,
        "acts": acts,
        "can_be_undone": lambda act: bulk_acts.can_be_undone(act, now()),
        "is_worked": heartbeat.any_alive(store, now()),
        "is_going": any(act.state in (BulkState.RUNNING, BulkState.UNDOING) for act in acts),
    }


def stop_bulk_act(segment_id: int, act_id: int) -> ResponseReturnValue:
    """Stop an act; what it did stays done."""
    with services().sessions.begin() as store:
        bulk_acts.cancel(store, _act(store, segment_id, act_id), now())
        flash("Stopped. What was done so far stays done.")
    return _back(segment_id)


def undo_bulk_act(segment_id: int, act_id: int) -> ResponseReturnValue:
    """Undo an act, for the readers who have not changed since."""
    with services().sessions.begin() as store:
        bulk_acts.undo(store, _act(store, segment_id, act_id), now())
        flash("It is being undone, for the readers who have not changed since.")
    return _back(segment_id)


def _question(store: Session, segment_id: int, kind: BulkKind, fault: PressError | None = None) -> str:
    found = lookup.segment(store, segment_id)
    members, _ = segments.count(store, found.publication, found.rule, now())
    return frame.page(
        store,
        "bulk_act.html",
        "readers",
        found.publication,
        segment=found,
        kind=kind,
        members=members,
        mark=_mark(store, found),
        typed=request.values,
        fault=str(fault or ""),
        days=bulk_acts.UNDO.days,
    )


def _confirmed(store: Session, found: Segment, kind: BulkKind) -> int:
    """How many belong to the segment; Conflict if the page showed another number or rule, Invalid if none was typed."""
    members, _ = segments.count(store, found.publication, found.rule, now())
    if (request.form.get("members"), request.form.get("rule")) != (str(members), _mark(store, found)):
        raise Conflict(f"the segment has changed, and {members} belong to it now; nothing was done, look at it again")
    if kind is BulkKind.ERASE and request.form.get("confirmed", "").strip() != str(members):
        raise Invalid(f"to erase them, type how many they are: {members}")
    return members


def _mark(store: Session, found: Segment) -> str:
    return build_letter.hash_of_segment(segments.freeze(store, found))


def _kind(text: str) -> BulkKind:
    if text not in set(BulkKind):
        raise Invalid("Choose what to do with the readers of the segment.")
    return BulkKind(text)


def _act(store: Session, segment_id: int, act_id: int) -> BulkAct:
    found = bulk_acts.find(store, act_id)
    audit_hook.set_subject("segment", str(found.segment["name"]))
    if found.segment_id != segment_id:
        raise NotFound("There is no such act on this segment.")
    audit_hook.add_details(kind=found.kind, tag=found.tag or None)
    return found


def _back(segment_id: int) -> ResponseReturnValue:
    return redirect(url_for("desk.show_segment", segment_id=segment_id, _anchor="acts"), 303)
