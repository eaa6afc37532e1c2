"""The statuses that a subscription can have, and which of them mean what, for whoever knows no database."""

from enum import StrEnum


class Status(StrEnum):
    """The status of a subscription; only `active` gets issues."""

    # In C, where an enum's own is written in Python: it is looked up for each one of a million imported rows.
    __hash__ = str.__hash__

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Pace(StrEnum):
    """How often a reader gets mail."""

    EACH = "each"
    """Each issue, when it goes out."""
    MONTHLY = "monthly"
    """One digest a month, and no issues."""


SUBSCRIBED = frozenset({Status.ACTIVE, Status.PAUSED})
"""Confirmed, and still subscribed."""
ENDED = frozenset({Status.UNSUBSCRIBED, Status.BOUNCED, Status.COMPLAINED})

_SEVERITY = (Status.ACTIVE, Status.PAUSED, Status.PENDING, Status.UNSUBSCRIBED, Status.BOUNCED, Status.COMPLAINED)


def worse_status(one: Status | None, other: Status | None) -> Status | None:
    """The worse of two statuses reported for the same reader; None means that none was reported."""
    # Mostly only one column says something, and a peer's list may have five that could, in each of a million rows.
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=_SEVERITY.index)
