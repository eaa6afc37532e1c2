"""Readers at the desk: counts, search, and one reader's history."""

from flask import request

from newsletter.audience import consent, erasures, subscribers
from newsletter.audience.models import Status
from newsletter.delivery.bounces import events as bounce_events
from newsletter.delivery.ledger import resent
from newsletter.delivery.reports import recipients
from newsletter.pagination import FIRST_PAGE
from newsletter.web.context import services
from newsletter.web.desk import frame, lookup, timed_cache, words

_PAGE = 50
_COPIES = 50
_BOUNCES = 50
_STEPS = 100
_LONGEST = 200
_HIGHEST_ID = 2**31 - 1


def readers() -> str:
    """The newest readers; `?q=` searches addresses and names, `?status=` filters, `?before=` and `?after=` page."""
    # People who may not see addresses must not be able to confirm a guessed one by searching.
    q = request.args.get("q", "")[:_LONGEST] if words.sees_addresses() else ""
    wanted = request.args.get("status", "")
    status = Status(wanted) if wanted in set(Status) else None
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
            erased_at=erasures.erased_at_address(store, services().links.seal, q),
            page=subscribers.page(store, publication.id, q, status, lookup.page_request(_HIGHEST_ID), _PAGE),
        )


def reader(subscription_id: int) -> str:
    """One reader: consent events, and each copy with the server's reply; `?before=` and `?after=` page."""
    turn = lookup.page_request()
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
        )
