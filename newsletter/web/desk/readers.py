"""Readers: how many stand where, a search, and one reader's whole story."""

from flask import request

from newsletter.audience import roster
from newsletter.audience.models import Status
from newsletter.delivery import received
from newsletter.web.desk import frame
from newsletter.web.house import house

_PAGE = 50
_COPIES = 100
_HIGHEST_ID = 2**31 - 1


def readers() -> str:
    """The newest readers; `?q=` looks inside addresses and names, `?status=` narrows, `?before=` goes on."""
    q, wanted = request.args.get("q", ""), request.args.get("status", "")
    status = Status(wanted) if wanted in set(Status) else None
    before = request.args.get("before", type=_id)
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
    """One reader: every step of the consent, and every copy with the server's words."""
    with house().sessions.reading() as store:
        subscription = roster.get(store, subscription_id)
        subscriber = subscription.subscriber
        ids = [one.id for one in subscriber.subscriptions]
        events = sorted((event for one in subscriber.subscriptions for event in one.events), key=lambda event: event.id)
        return frame.page(
            store,
            "reader.html",
            "readers",
            subscription.publication,
            reader=subscriber,
            zone=subscription.publication.time_zone,
            events=events,
            copies=store.execute(received.by(ids).limit(_COPIES)).all(),
        )


def _id(text: str) -> int:
    # A database cannot even be asked about a number that its column could not hold.
    if not 0 <= (number := int(text)) <= _HIGHEST_ID:
        raise ValueError(text)
    return number
