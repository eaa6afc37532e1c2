"""Suppressed addresses at the desk: who gets no mail and why; add one, lift one, settle what a provider is held for."""

from collections.abc import Iterator, Mapping

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter.audience import subscribers
from newsletter.db import Session
from newsletter.delivery.bounces import holds
from newsletter.delivery.bounces.suppression_list import (
    SuppressionFilter,
    counts_by_cause,
    iter_suppressions,
    list_page,
)
from newsletter.delivery.models import Cause
from newsletter.errors import Invalid, Refused
from newsletter.i18n import formats
from newsletter.web import auth
from newsletter.web.context import kept_query, now, services
from newsletter.web.desk import audit_hook, csv_export, frame, words
from newsletter.workflows import change_suppression, tend_bounces

_PAGE = 50
_HIGHEST_PAGE = 100_000
_LONGEST = 200


def suppressed() -> str:
    """The suppressed addresses, newest first; `?q=` searches, `?cause=` filters, `?page=` pages."""
    with services().sessions.reading() as store:
        return _page(store)


def suppressed_sheet() -> Response:
    """All of them as a CSV file."""
    wanted = _wanted()

    def lines() -> Iterator[tuple[object, ...]]:
        yield "address", "cause", "since", "detail"
        with services().sessions.reading() as store:
            for one in iter_suppressions(store, wanted):
                yield one.key, one.cause.value, one.at, one.detail or ""

    return csv_export.answer("suppressed.csv", lines())


def suppress_address() -> ResponseReturnValue:
    """Suppress an address by hand."""
    email, reason = request.form.get("email", ""), request.form.get("reason", "")
    try:
        with services().sessions.begin() as store:
            change_suppression.suppress_by_hand(store, email, reason, now())
            audit_hook.add_details(reason=reason[:_LONGEST])
    except Refused as error:
        with services().sessions.reading() as store:
            return _page(store, {"email" if reason.strip() else "reason": words.as_sentence(error)}), 422
    flash("This address gets no more mail.")
    return redirect(url_for("desk.suppressed", **kept_query()), 303)


def lift_suppression() -> ResponseReturnValue:
    """Lift one cause of an address, with the reason why."""
    key, cause, reason = (request.form.get(name, "") for name in ("address", "cause", "reason"))
    if cause not in set(Cause):
        raise Invalid("Choose what to lift from the list of suppressed addresses.")
    with services().sessions.begin() as store:
        revived = change_suppression.lift_cause(store, key, Cause(cause), reason, auth.email(), now())
        audit_hook.add_details(cause=cause, reason=reason[:_LONGEST])
    flash(f"{key}: lifted.{' This reader gets issues again.' if revived else ''}")
    return redirect(url_for("desk.suppressed", **kept_query()), 303)


def settle_hold() -> ResponseReturnValue:
    """Suppress the readers whom a provider called unknown, or keep them."""
    group, suppress = request.form.get("provider", ""), request.form.get("fate") == "suppress"
    audit_hook.add_details(provider=group[:_LONGEST], suppressed=suppress)
    count = tend_bounces.settle(services().sessions, services().bounces, group, now, suppress=suppress)
    flash(f"{formats.counted(count, 'reader')} {'suppressed' if suppress else 'kept'}.")
    return redirect(url_for("desk.suppressed", **kept_query()), 303)


def _wanted() -> SuppressionFilter:
    cause = request.args.get("cause", "")
    return SuppressionFilter(request.args.get("q", "")[:_LONGEST], Cause(cause) if cause in set(Cause) else None)


def _page(store: Session, faults: Mapping[str, str] | None = None) -> str:
    wanted, number = _wanted(), min(max(request.args.get("page", 1, type=int), 1), _HIGHEST_PAGE)
    rows, has_more = list_page(store, wanted, number, _PAGE)
    publication = frame.current_publication(store)
    return frame.page(
        store,
        "suppressed.html",
        "readers",
        publication,
        zone=publication.time_zone,
        rows=rows,
        number=number,
        has_more=has_more,
        wanted=wanted,
        counts=counts_by_cause(store),
        readers=subscribers.ids_by_key(store, [one.key for one in rows]),
        held=holds.open_holds(store),
        faults=faults or {},
        typed=request.form,
    )
