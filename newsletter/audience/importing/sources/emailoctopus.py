"""EmailOctopus: SUBSCRIBED, UNSUBSCRIBED or PENDING under "Status"."""

from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import define
from newsletter.audience.statuses import Status

EMAILOCTOPUS = define(
    "emailoctopus",
    "EmailOctopus",
    signs=("email address, first name, last name, status",),
    fields={FieldKind.STATUS: "status", FieldKind.TAGS: "tags"},
    words={
        Status.ACTIVE: "subscribed",
        Status.PENDING: "pending",
        Status.UNSUBSCRIBED: "unsubscribed",
        Status.BOUNCED: "bounced",
        Status.COMPLAINED: "complained",
    },
    states="status",
    export="export the list with the column Status",
)
