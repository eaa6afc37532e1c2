"""Readers at the desk: counts, search, and one reader's history."""

from collections.abc import Iterator, Mapping

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from newsletter import publications
from newsletter.audience import (
    attributes,
    confirm_breaker,
    consent,
    desk_requests,
    erasures,
    export,
    reader_search,
    refusals,
    subscribers,
    tags,
)
from newsletter.audience.models import Status
from newsletter.audience.refusals import FormKind
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Rule
from newsletter.db import HIGHEST_ID
from newsletter.delivery.bounces import events as bounce_events
from newsletter.delivery.ledger import resent
from newsletter.delivery.reports import recipients
from newsletter.pagination import FIRST_PAGE
from newsletter.web.context import asked_id, kept_query, now, page_request, services
from newsletter.web.desk import csv_export, frame, timed_cache, words

_PAGE = 50
_COPIES = 50
_BOUNCES = 50
_STEPS = 100
_SUGGESTED = 200
_LONGEST = 200


def readers() -> str:
    """The newest readers; `?q=` searches addresses and names, `?status=` filters, `?before=` and `?after=` page."""
    q, status = _search()
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        return frame.page(
            store,
            "readers.html",
            "readers",
            publication,
            q=q,
            status=status,
            zone=publication.time_zone,
            counts=timed_cache.counts(store, publication.id),
            refused={form: refusals.of_last_week(store, now(), form) for form in FormKind},
            erased_at=erasures.erased_at_address(store, services().links.seal, q),
            found=reader_search.find(store, publication.id, q, status, page_request(HIGHEST_ID), _PAGE),
        )


def _search() -> tuple[str, Status | None]:
    """The words and the status that the readers are filtered by."""
    # People who may not see addresses must not be able to confirm a guessed one by searching.
    q = request.args.get("q", "")[:_LONGEST] if words.sees_addresses() else ""
    wanted = request.args.get("status", "")
    return q, Status(wanted) if wanted in set(Status) else None


def let_sign_ups_through() -> ResponseReturnValue:
    """Close the breaker on confirmation emails, so that sign-ups are no longer slowed."""
    with services().sessions.begin() as store:
        was_open = confirm_breaker.close(store, now())
    flash("Sign-ups go through again." if was_open else "Sign-ups were let through already.")
    return redirect(url_for("desk.readers", **kept_query()), 303)


def readers_sheet() -> Response:
    """All readers with all that is known of them as a CSV file; of one segment with `?segment=`, or as searched."""
    segment_id = asked_id(request.args, "segment")
    q, status = _search()
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        chosen = Rule() if segment_id is None else segments.get_segment(store, publication.id, segment_id).rule
        segments.condition(store, publication, chosen, now())

    def pieces() -> Iterator[str]:
        with services().sessions.reading() as store:
            home = publications.find(store, publication.slug)
            members = segments.condition(store, home, chosen, now())
            yield from export.csv_pieces(store, home.id, members, *reader_search.conditions(store, q, status))

    return csv_export.stream_file(f"{publication.slug}-readers.csv", pieces())


def reader(subscription_id: int) -> str:
    """One reader: consent events, and each copy with the server's reply; `?before=` and `?after=` page."""
    return reader_page(subscription_id, {})


def reader_page(subscription_id: int, faults: Mapping[str, str]) -> str:
    """The same, with what is wrong with a form beside its field."""
    turn = page_request()
    with services().sessions.reading() as store:
        subscription = subscribers.get(store, subscription_id)
        subscriber = subscription.subscriber
        ids = [one.id for one in subscriber.subscriptions]
        copies = recipients.copies_of_readers(store, ids, turn, _COPIES)
        return frame.page(
            store,
            "reader.html",
            "readers",
            subscription.publication,
            reader=subscriber,
            zone=subscription.publication.time_zone,
            events=subscribers.consent_steps(store, ids, _STEPS),
            steps=_STEPS,
            letters=consent.consent_emails(store, subscriber),
            copies=copies,
            is_first=turn == FIRST_PAGE,
            resent=resent.of_copies(store, [copy.id for copy, _ in copies.rows]),
            bounces=bounce_events.of_person(store, [subscriber.key], ids, _BOUNCES),
            subscription_id=subscription_id,
            subscription=subscription,
            mark=desk_requests.mark,
            reader_tags=tags.tags_of(store, subscription_id),
            reader_attributes=attributes.values_of(store, subscription_id),
            all_tags=tags.all_tags(store, subscription.publication_id, _SUGGESTED),
            all_attributes=attributes.names(store, subscription.publication_id, _SUGGESTED),
            typed={
                name: request.form.get(name, "") if faults else "" for name in ("tag", "attribute", "value", "note")
            },
            faults={"tag": "", "attribute": "", "name": "", "note": "", "sure": ""} | dict(faults),
        )
