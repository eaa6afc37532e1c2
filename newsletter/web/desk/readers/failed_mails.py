"""Emails to single people that failed, such as confirmations: to whom, why, and where an editor goes on."""

from newsletter.audience import subscribers
from newsletter.delivery.transactional import outbox
from newsletter.web.context import now, services
from newsletter.web.desk import frame

_AT_MOST = 100


def failed_mails() -> str:
    """The newest of them."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        failures = outbox.open_failures(store, now(), _AT_MOST)
        return frame.page(
            store,
            "failed_mails.html",
            "readers",
            publication,
            zone=publication.time_zone,
            failures=failures,
            readers=subscribers.ids_by_key(store, {one.key for one in failures}),
            at_most=_AT_MOST,
        )
