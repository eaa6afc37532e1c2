"""Ghost: a member of whom `subscribed_to_emails` is false stays a member and gets no mail."""

from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import define

GHOST = define(
    "ghost",
    "Ghost",
    signs=(
        "email, subscribed_to_emails",
        "email, complimentary_plan, stripe_customer_id",
        "email, note, labels",
        "email, labels, tiers",
    ),
    fields={
        FieldKind.SUBSCRIBED: "subscribed_to_emails, subscribed",
        FieldKind.JOINED: "created_at",
        FieldKind.LEFT: "deleted_at",
        FieldKind.TAGS: "labels",
        FieldKind.ATTRIBUTE: "note, tiers",
    },
    ignored="id, complimentary_plan, stripe_customer_id",
    states="subscribed_to_emails, subscribed",
    export="export under Members, Export all members: that file has the column subscribed_to_emails",
)
