"""Readers: how many stand where, a search, and one reader's whole story."""

from flask import request

from newsletter.audience import roster
from newsletter.audience.models import Status
from newsletter.delivery import received
from newsletter.web.desk import frame, lookup, words
from newsletter.web.house import house

_PAGE = 50
_COPIES = 100
_HIGHEST_ID = 2**31 - 1


def readers() -> str:
    """The newest readers; `?q=` looks inside addresses and names, `?status=` narrows, `?before=` goes on."""
    # Whoever sees no address must not find out either whose it is that they can guess.
    q = request.args.get("q", "") if words.sees_addresses() else ""
    wanted = request.args.get("status", "")
    status = Status(wanted) if wanted in set(Status) else None
    before = request.args.get("before", type=lambda text: lookup.row_id(text, _HIGHEST_ID))
    with house().sessions.reading() as store:
        publication = frame.chosen(store)
        page = store.scalars(roster.listing(publication.id, q, status, before, _PAGE + 1)).all()
        return frame.page(
            store,
            "readers.html",
            "readers",
            publication,
            q=q,
            status=status,
            zone=publication.time_zone,
            counts=roster.counts(store, publication.id),
            found=page[:_PAGE],
            older_than=page[_PAGE - 1].id if len(page) > _PAGE else None,
        )


def reader(subscription_id: int) -> str:
    """One reader: every step of the consent, and each copy with the server's words; `?before=` goes on."""
    before = request.args.get("before", type=lookup.row_id)
    with house().sessions.reading() as store:
        subscription = roster.get(store, subscription_id)
        subscriber = subscription.subscriber
        ids = [one.id for one in subscriber.subscriptions]
        events = sorted((event for one in subscriber.subscriptions for event in one.events), key=lambda event: event.id)
        copies = store.execute(received.by(ids, before).limit(_COPIES + 1)).all()
        return frame.page(
            store,
            "reader.html",
            "readers",
            subscription.publication,
            reader=subscriber,
            zone=subscription.publication.time_zone,
            events=events,
            copies=copies[:_COPIES],
            older_than=copies[_COPIES - 1][0].id if len(copies) > _COPIES else None,
            is_first=before is None,
            subscription_id=subscription_id,
        )
