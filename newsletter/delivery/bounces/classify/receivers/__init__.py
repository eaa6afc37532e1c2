"""Particular receivers' phrases and codes, which are tried before the general ones.

A rule without a status holds whatever the status.
"""

from newsletter.delivery.bounces.classify.receivers import (
    access_providers,
    google,
    mail_filters,
    mailbox_providers,
    microsoft,
    yahoo,
)
from newsletter.delivery.bounces.report import Reason

RECEIVERS = (
    google.GOOGLE,
    microsoft.MICROSOFT,
    microsoft.OUTLOOK,
    yahoo.YAHOO,
    yahoo.AOL,
    mailbox_providers.APPLE,
    mail_filters.MIMECAST,
    mail_filters.MESSAGELABS,
    mailbox_providers.TENCENT,
    mailbox_providers.NETEASE,
    access_providers.VERIZON,
    mailbox_providers.YANDEX,
    mailbox_providers.MAIL_RU,
    mailbox_providers.GMX,
    mailbox_providers.ZOHO,
    access_providers.T_ONLINE,
    access_providers.KDDI,
    access_providers.DOCOMO,
    access_providers.COX,
    access_providers.SPECTRUM,
    access_providers.ORANGE,
    mailbox_providers.GODADDY,
    mailbox_providers.FACEBOOK,
    mailbox_providers.I_UA,
)
"""In the order in which they are asked, where an answer has the signs of several."""


def reason_of(text: str, status: str, mta: str) -> Reason | None:
    """The reason by the receiver's own rules; None if they do not cover its answer."""
    asked = mta.strip(" .").lower()
    found = (each.find(text, status) for each in RECEIVERS if each.matches(text, f".{asked}"))
    return next((reason for reason in found if reason), None)
