"""Kit (ConvertKit): "inactive" has not confirmed yet, and "cold" has confirmed and reads little."""

from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import define
from newsletter.audience.statuses import Status

KIT = define(
    "kit",
    "Kit (ConvertKit)",
    signs=(
        "first_name, email, status, created_at",
        "first_name, email, status, subscribed_at",
        "first_name, email, status, tags",
        "first_name, email, state, created_at",
        "first_name, email, state, tags",
        "first_name, email_address, state",
        "first_name, email_address, status, created_at",
        "first_name, email, subscribed_at, tags",
        "first_name, email, created_at, tags",
    ),
    foreign="last_name, tier, unsubscribed_at, uuid, external id, points, creation_date",
    fields={
        FieldKind.STATUS: "status, state",
        FieldKind.JOINED: "created_at, subscribed_at, subscribed",
        FieldKind.TAGS: "tags",
        FieldKind.ATTRIBUTES: "fields",
    },
    words={
        Status.ACTIVE: "active, confirmed, cold",
        Status.PENDING: "inactive, unconfirmed",
        Status.UNSUBSCRIBED: "cancelled, canceled, unsubscribed",
        Status.BOUNCED: "bounced",
        Status.COMPLAINED: "complained",
    },
    ignored="id",
    states="status, state",
    export="export under Subscribers, All subscribers, with the column Status",
    tagged_words="cold",
)
