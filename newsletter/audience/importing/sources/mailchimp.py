"""Mailchimp: a zip with one CSV file for each status, whose name and columns tell which it is."""

import re
from collections.abc import Collection

from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import Membership, ProofCell, define

_BY_NAME = {
    "subscribed": Membership.ACTIVE,
    "unsubscribed": Membership.UNSUBSCRIBED,
    "cleaned": Membership.BOUNCED,
    "nonsubscribed": Membership.NEVER_SUBSCRIBED,
}
_NAME = re.compile(r"(subscribed|unsubscribed|cleaned|nonsubscribed)_")


def _membership(name: str, headers: Collection[str]) -> Membership | None:
    by_name = _NAME.match(name.casefold())
    if by_name:
        return _BY_NAME[by_name[1]]
    by_column = [kind for header, kind in _BY_COLUMN.items() if header in headers]
    return by_column[0] if len(by_column) == 1 else None


_BY_COLUMN = {
    "unsubtime": Membership.UNSUBSCRIBED,
    "cleantime": Membership.BOUNCED,
}


def _remark(cell: ProofCell) -> str:
    if cell("optinip") or cell("confirmip") or not cell("confirmtime") or cell("confirmtime") != cell("optintime"):
        return ""
    return "single opt-in or an import at Mailchimp: CONFIRM_TIME is OPTIN_TIME, and no IP address is told"


MAILCHIMP = define(
    "mailchimp",
    "Mailchimp",
    signs=(
        "MEMBER_RATING, OPTIN_TIME",
        "MEMBER_RATING, CONFIRM_TIME",
        "OPTIN_TIME, OPTIN_IP, CONFIRM_TIME",
        "OPTIN_TIME, CONFIRM_TIME, LEID",
        "LEID, EUID",
        "UNSUB_TIME, UNSUB_CAMPAIGN_TITLE, UNSUB_CAMPAIGN_ID",
        "CLEAN_TIME, CLEAN_CAMPAIGN_TITLE, CLEAN_CAMPAIGN_ID",
    ),
    fields={
        FieldKind.TAGS: "TAGS",
        FieldKind.PROOF: "OPTIN_TIME, OPTIN_IP, CONFIRM_TIME, CONFIRM_IP",
        FieldKind.ATTRIBUTE: "NOTES, CC, REGION, TIMEZONE",
    },
    ignored="MEMBER_RATING, LATITUDE, LONGITUDE, GMTOFF, DSTOFF, LAST_CHANGED, LEID, EUID",
    states="UNSUB_TIME, CLEAN_TIME, LAST_CHANGED",
    export=(
        "export the whole audience (Audience, All contacts, Export Audience), and import the zip as it is, "
        "or its file subscribed_….csv under its own name"
    ),
    members=r"(?:subscribed|unsubscribed|cleaned|nonsubscribed)_.*\.csv",
    membership=_membership,
    remark=_remark,
)
