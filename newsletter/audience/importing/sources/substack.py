"""Substack: a zip whose email_list….csv tells by `email_disabled` who gets no mail; paying is another matter."""

from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import define

SUBSTACK = define(
    "substack",
    "Substack",
    signs=(
        "email, active_subscription, expiry",
        "email, email_disabled, prefer_digests",
        "email, email_disabled, expiry",
        "email, active_subscription, email_disabled",
        "email, stripe_connected_customer_id",
        "email, type, start date",
    ),
    fields={
        FieldKind.UNSUBSCRIBED: "email_disabled",
        FieldKind.JOINED: "created_at, start date",
        FieldKind.ATTRIBUTE: "plan, type, expiry, prefer_digests",
        FieldKind.PROOF: "subscription source (free), subscription source (paid)",
    },
    ignored="active_subscription, first_payment_at, stripe_connected_customer_id",
    states="email_disabled",
    export="export under Settings, Import / Export, and import the zip as it is: its email_list has email_disabled",
    skipped_domain="deletion-request.substack.com",
    members=r"(?:email_list|subscribers?)\b.*\.csv",
)
