"""beehiiv: a reader has left who is "inactive", or has any value under `unsubscribed_at`."""

from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import define
from newsletter.audience.statuses import Status

BEEHIIV = define(
    "beehiiv",
    "beehiiv",
    signs=(
        "email, status, tier",
        "email, tier, created_at, unsubscribed_at",
        "email, status, created_at, unsubscribed_at, stripe_customer_id",
        "email, status, referral_code",
        "email, status, referring_site",
        "email, tier, stripe_customer_id",
        "email, tier, referral_code",
    ),
    fields={
        FieldKind.STATUS: "status",
        FieldKind.JOINED: "created_at",
        FieldKind.LEFT: "unsubscribed_at",
        FieldKind.TAGS: "tags",
        FieldKind.PROOF: "referring_site",
        FieldKind.ATTRIBUTE: "tier, utm_source, utm_medium, utm_campaign, utm_channel",
    },
    words={
        Status.ACTIVE: "active",
        Status.PENDING: "pending, validating, needs_attention, needs approval",
        Status.UNSUBSCRIBED: "inactive, unsubscribed",
        Status.BOUNCED: "invalid, bounced",
        Status.COMPLAINED: "complained",
    },
    ignored="id, subscriber_id, subscription_id, stripe_customer_id, referral_code",
    states="status",
    export="export under Audience, Subscribers, Export, with all columns: the file has status and unsubscribed_at",
)
