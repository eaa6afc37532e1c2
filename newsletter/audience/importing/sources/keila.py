"""Keila: contacts with their data as JSON; "unreachable" has bounced."""

from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import define
from newsletter.audience.statuses import Status

KEILA = define(
    "keila",
    "Keila",
    signs=("email, data, external id", "email, data(JSON)", "email, data, status", "email, status, external id"),
    fields={
        FieldKind.STATUS: "status",
        FieldKind.ATTRIBUTES: "data, data(JSON)",
        FieldKind.ATTRIBUTE: "external id",
    },
    words={Status.ACTIVE: "active", Status.UNSUBSCRIBED: "unsubscribed", Status.BOUNCED: "unreachable"},
    states="status",
    export="export the contacts with the column Status",
)
