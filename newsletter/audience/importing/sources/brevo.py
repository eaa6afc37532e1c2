"""Brevo (Sendinblue): blocklisted contacts are in the file, and only a column that has to be asked for tells them."""

from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import define
from newsletter.audience.statuses import Status

_STATES = (
    "email_marketing, email marketing status, email marketing subscription status, email subscription status, "
    "email_subscription_status, subscription status, status, email campaigns"
)
_BLOCKED = "blocklisted, blacklisted, email_blacklisted, email_blocklisted, emailBlacklisted, unsubscribed"

BREVO = define(
    "brevo",
    "Brevo",
    signs=(
        "contact id, email",
        "email, double_opt-in",
        "email, added_time",
        "email, modified_time",
        "email, _listIds",
        "email, opt_in, sms",
        "email, email_marketing, sms",
    ),
    fields={
        FieldKind.STATUS: _STATES,
        FieldKind.UNSUBSCRIBED: _BLOCKED,
        FieldKind.FIRST_NAME: "firstname, prenom, vorname",
        FieldKind.LAST_NAME: "lastname, nom, nachname",
        FieldKind.PROOF: "double_opt-in, opt_in",
        FieldKind.JOINED: "added_time",
    },
    words={
        Status.ACTIVE: "subscribed",
        Status.PENDING: "never subscribed, unconfirmed",
        Status.UNSUBSCRIBED: "unsubscribed, blocklisted, blacklisted",
        Status.BOUNCED: "bounced, hard bounced",
        Status.COMPLAINED: "complained, spam",
    },
    ignored="contact id, modified_time, _listIds, sms subscription status, sms_marketing, whatsapp_marketing",
    states=f"{_STATES}, {_BLOCKED}",
    export=(
        "export with the email marketing subscription status (in its API: exportSubscriptionStatus: email_marketing), "
        "or only those who are subscribed"
    ),
)
