"""Buttondown: `type` (once `subscriber_type`, on the dashboard "Status") holds paying and leaving in one word."""

from collections.abc import Collection

from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import Membership, define
from newsletter.audience.statuses import Status


def _membership(name: str, _headers: Collection[str]) -> Membership | None:
    # They have a file of their own in its zip, often without a column for it.
    return Membership.UNSUBSCRIBED if name.casefold().startswith("unsubscribers") else None


BUTTONDOWN = define(
    "buttondown",
    "Buttondown",
    signs=(
        "subscriber_type",
        "type, creation_date",
        "email, type, tags, metadata",
        "email_address, type, metadata",
        "email_address, notes, metadata",
        "metadata, referrer_url",
        "metadata, secondary_id",
        "metadata, creation_date",
        "email, notes, tags, creation_date",
        "email_address, tags, creation_date",
        "email, tags, subscription date, unsubscription date",
        "email, status, subscription date, ip address",
        "unsubscription_date, undeliverability_date",
        "undeliverability_date, undeliverability_reason",
    ),
    fields={
        FieldKind.STATUS: "type, subscriber_type, status",
        FieldKind.JOINED: "creation_date, subscription date",
        FieldKind.LEFT: "unsubscription_date, unsubscription_reason",
        FieldKind.BOUNCED: "undeliverability_date, undeliverability_reason",
        FieldKind.TAGS: "tags",
        FieldKind.ATTRIBUTES: "metadata",
        FieldKind.ATTRIBUTE: "notes, utm_source, utm_medium, utm_campaign, churn_date, upgrade_date",
        FieldKind.PROOF: "ip_address, source, referrer_url",
    },
    words={
        Status.ACTIVE: "regular, premium, gifted, trialed, churning, churned, unpaid, past_due, paused",
        Status.PENDING: "unactivated, upcoming",
        Status.UNSUBSCRIBED: "unsubscribed, removed, disabled",
        Status.BOUNCED: "undeliverable, malformed, spammy",
        Status.COMPLAINED: "complained",
    },
    ignored="id, secondary_id, last_open_date, last_click_date",
    states="type, subscriber_type, status",
    export="export under Settings, Exports, with the column type (on the dashboard, Status)",
    skipped_words="blocked",
    members=r"(?:un)?subscribers?\b.*\.csv",
    membership=_membership,
)
