"""What became of a copy, as a provider tells it: its words for a bounce, and the server's that it passes on."""

from dataclasses import replace

from newsletter.delivery.bounces.classify import NEVER_A_BOUNCE, classify
from newsletter.delivery.bounces.report import ABOUT_US, Hardness, Kind, Reason, Recipient


def permanent(address: str, diagnostic: str = "", status: str = "", code: str = "", mta: str = "") -> Recipient:
    """A bounce that the provider calls permanent; soft all the same where the server's answer speaks against it."""
    status, code = _number(status, dots=2), _number(code, dots=0)
    answer = classify(diagnostic, status, code, mta)
    # Whoever gives up at once calls even a server's "not now" (4xx) permanent.
    if answer.reason in _NOT_FOR_GOOD or answer.code.startswith("4"):
        return soft(address, diagnostic, status, code, mta)
    reason = Reason.USER_UNKNOWN if answer.reason in _SAYS_NOTHING else answer.reason
    return Recipient(address, Hardness.HARD, reason, status, code, "failed", diagnostic, mta)


def soft(
    address: str,
    diagnostic: str = "",
    status: str = "",
    code: str = "",
    mta: str = "",
    reason: Reason | None = None,
) -> Recipient:
    """A bounce that the provider does not call permanent: soft whatever the server says."""
    status, code = _number(status, dots=2), _number(code, dots=0)
    found = reason or classify(diagnostic, status, code, mta).reason
    found = Reason.ON_HOLD if found in NEVER_A_BOUNCE else found
    return Recipient(address, Hardness.SOFT, found, status, code, "failed", diagnostic, mta)


def delayed(bounce: Recipient) -> Recipient:
    """A soft bounce that the provider still tries to deliver."""
    return replace(bounce, action="delayed")


def withheld(address: str, diagnostic: str) -> Recipient:
    """A hard bounce (does not accept mail): the provider did not send it, because of what it knows of the address."""
    return Recipient(address, Hardness.HARD, Reason.NOT_ACCEPT, action="failed", diagnostic=diagnostic)


def plain(kind: Kind, address: str, diagnostic: str = "") -> Recipient:
    """The recipient of an event that is no bounce: without hardness, and with the reason that its kind has."""
    reason = {Kind.DELIVERED: Reason.DELIVERED, Kind.COMPLAINT: Reason.FEEDBACK}.get(kind, Reason.UNDEFINED)
    return Recipient(address, None, reason, action="delivered" if kind is Kind.DELIVERED else "", diagnostic=diagnostic)


# Reasons that may not hold for a later mail, or that are not the reader's fault.
_NOT_FOR_GOOD = ABOUT_US | {
    *(Reason.MAILBOX_FULL, Reason.EXPIRED, Reason.NETWORK, Reason.SYSTEM, Reason.SYSTEM_FULL),
}
_SAYS_NOTHING = NEVER_A_BOUNCE | {Reason.UNDEFINED, Reason.ON_HOLD}


def _number(text: str, dots: int) -> str:
    """A status or reply code, if it is one."""
    parts = text.strip().split(".")
    is_one = len(parts) == dots + 1 and all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts)
    return text.strip() if is_one else ""
