"""MailerLite: the address stands under "Subscriber"; "junk" has reported a mail as spam."""

from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import define
from newsletter.audience.statuses import Status

MAILERLITE = define(
    "mailerlite",
    "MailerLite",
    signs=(
        "subscriber, opens",
        "subscriber, sent",
        "subscriber, groups",
        "subscriber, subscribed",
        "email, opted_in_at, optin_ip",
        "email, subscribed_at, unsubscribed_at, opted_in_at",
        "email, status, optin_ip",
    ),
    fields={
        FieldKind.EMAIL: "subscriber",
        FieldKind.STATUS: "status",
        FieldKind.JOINED: "subscribed, subscribed_at",
        FieldKind.LEFT: "unsubscribed, unsubscribed_at",
        FieldKind.TAGS: "groups",
        FieldKind.PROOF: "opted_in_at, optin_ip, ip_address, source",
    },
    words={
        Status.ACTIVE: "active",
        Status.PENDING: "unconfirmed",
        Status.UNSUBSCRIBED: "unsubscribed",
        Status.BOUNCED: "bounced",
        Status.COMPLAINED: "junk",
    },
    ignored="id, sent, opens, clicks, opens_count, clicks_count, open_rate, click_rate, updated_at",
    states="status",
    export="export with the column Status; or export the view of the active subscribers only",
)
