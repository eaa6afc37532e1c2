"""Mautic: who must not be mailed stands in a table of its own, and often not in the export."""

from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import define
from newsletter.audience.statuses import Status

_DO_NOT = "doNotContact, doNotEmail, do not contact, do not email, dnc, dnc_email, email_dnc"

MAUTIC = define(
    "mautic",
    "Mautic",
    signs=(
        "email, points, stage",
        "email, points, owner",
        "email, stage, owner",
        "email, firstname, points",
        "email, firstname, doNotContact",
        "email, firstname, doNotEmail",
        "email, firstname, dnc",
        "email, dateIdentified",
        "email, attribution_date",
        "email, points, doNotContact",
    ),
    fields={
        FieldKind.UNSUBSCRIBED: _DO_NOT,
        FieldKind.TAGS: "tags",
        FieldKind.JOINED: "dateAdded, date_added, dateIdentified, date_identified",
        FieldKind.ATTRIBUTE: "stage",
        FieldKind.PROOF: "ipAddress, ip_address, ipAddresses",
    },
    # The table's own numbers: unsubscribed, bounced, by hand.
    words={None: "0", Status.UNSUBSCRIBED: "1, 3, manual", Status.BOUNCED: "2"},
    ignored="id, points, lastActive, last_active, dateModified, date_modified, ownerId, owner_id",
    states=_DO_NOT,
    export=(
        "export a segment that leaves out whoever has the do-not-contact mark for email, or add a column doNotContact "
        "(in its API: GET /api/contacts, doNotContact)"
    ),
    tag_separator="|",
)
