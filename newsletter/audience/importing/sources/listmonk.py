"""listmonk: `status` is the account's; who left the list is still "enabled", and no export tells them apart."""

from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import define
from newsletter.audience.statuses import Status

LISTMONK = define(
    "listmonk",
    "listmonk",
    signs=("uuid, email, attributes", "uuid, email, attribs", "uuid, email, status"),
    fields={
        FieldKind.ACCOUNT: "status",
        FieldKind.STATUS: "subscription_status",
        FieldKind.JOINED: "created_at",
        FieldKind.ATTRIBUTES: "attributes, attribs",
    },
    words={
        None: "enabled",
        Status.ACTIVE: "confirmed",
        Status.PENDING: "unconfirmed",
        Status.UNSUBSCRIBED: "disabled, unsubscribed",
        Status.COMPLAINED: "blocklisted, blacklisted",
    },
    ignored="id, uuid, updated_at",
    states="subscription_status",
    export=(
        '"enabled" is said of the account, and not of the list: export one list, filtered by '
        "subscription_status=confirmed (in its API: GET /api/subscribers?list_id=…&subscription_status=confirmed)"
    ),
)
