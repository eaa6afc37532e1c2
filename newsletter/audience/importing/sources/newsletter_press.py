"""Our own export, by `newsletter subscribers export` or the desk: everything in it is kept."""

from itertools import combinations

from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import define
from newsletter.audience.statuses import Status
from newsletter.delivery.causes import Cause

# The causes of a suppressed address stand in one cell. What the team or a complaint suppressed, only a team lifts.
_LIFTED_BY_A_PERSON = {Cause.COMPLAINT, Cause.DESK}
_CAUSES = [list(some) for count in range(1, len(Cause) + 1) for some in combinations(Cause, count)]


def _joined(causes: list[list[Cause]]) -> str:
    return ", ".join(" ".join(some) for some in causes)


NEWSLETTER_PRESS = define(
    "newsletter-press",
    "Newsletter Press",
    signs=("email, status, created_at, confirmed_at, left_at, paused_until, suppressed, tags, consent",),
    fields={
        FieldKind.STATUS: "status, suppressed",
        FieldKind.JOINED: "confirmed_at",
        FieldKind.PAUSED_UNTIL: "paused_until",
        FieldKind.TAGS: "tags",
        FieldKind.PACE: "pace",
        FieldKind.TOPICS_OFF: "topics_off",
        FieldKind.DELIVERY_HOUR: "delivery_hour",
        FieldKind.DELIVERY_ZONE: "delivery_zone",
        FieldKind.PROOF: "consent, source, left_at",
    },
    words={
        Status.ACTIVE: "active",
        Status.PENDING: "pending",
        Status.PAUSED: "paused",
        Status.UNSUBSCRIBED: "unsubscribed",
        Status.BOUNCED: "bounced, " + _joined([some for some in _CAUSES if _LIFTED_BY_A_PERSON.isdisjoint(some)]),
        Status.COMPLAINED: "complained, "
        + _joined([some for some in _CAUSES if not _LIFTED_BY_A_PERSON.isdisjoint(some)]),
    },
    ignored="created_at",
    states="status",
    export="export with `newsletter subscribers export`, and import the file as it is",
    tag_separator=",",
    attributes_after="consent",
    nothing=frozenset(),
)
