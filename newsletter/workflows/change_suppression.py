"""Suppress an address by hand, or lift what suppresses it; what that means for its subscriptions."""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.audience import unsubscribe
from newsletter.audience.address import Address
from newsletter.audience.consent import Proof
from newsletter.audience.models import Channel
from newsletter.characters import line
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause
from newsletter.errors import Conflict, Invalid, NotFound

MAX_REASON = 200


def suppress_by_hand(session: Session, address: str, reason: str, now: datetime) -> None:
    """Suppress an address, whether or not somebody reads with it; Invalid if it is none, Conflict if it is already."""
    key, reason = Address.parse(address).key, _reason(reason)
    if not suppression.add(session, key, Cause.DESK, now, reason):
        raise Conflict("this address has been suppressed at the desk already")


def lift_cause(session: Session, key: str, cause: Cause, reason: str, operator: str, now: datetime) -> int:
    """Lift one cause; if no other is left, readers who bounced stand as before, and how many do is returned.

    A reader who complained or left stays so: only they themselves can sign up again.
    """
    reason = _reason(reason)
    if not suppression.lift(session, key, {cause}):
        raise NotFound("this address is not suppressed for that any more")
    if cause is not Cause.BOUNCE or suppression.list_causes(session, key):
        return 0
    return unsubscribe.revive_all_of_address(session, key, now, Channel.DESK, Proof(note=reason, operator=operator))


def _reason(text: str) -> str:
    reason = line(text, "the reason").strip()
    if not reason:
        raise Invalid("say why, so that others can follow it later")
    if len(reason) > MAX_REASON:
        raise Invalid(f"a reason has at most {MAX_REASON} characters, and this one {len(reason)}")
    return reason
