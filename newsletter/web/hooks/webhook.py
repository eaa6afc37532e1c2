"""What all providers' modules share: a post, the events read from it, and why a post is rejected."""

import hashlib
import hmac
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from newsletter.delivery.bounces import policy
from newsletter.delivery.bounces.classify import NEVER_A_BOUNCE, classify
from newsletter.delivery.bounces.report import Hardness, Kind, Reason, Recipient, Report

AHEAD = timedelta(minutes=5)
"""How far a sender's clock may be ahead of ours."""


class Why(StrEnum):
    """Why a post is rejected; the values label a metric."""

    NOT_CONFIGURED = "not_configured"
    INSECURE = "insecure"
    TOO_LARGE = "too_large"
    UNAUTHENTICATED = "unauthenticated"
    STALE = "stale"
    FOREIGN_TOPIC = "foreign_topic"
    UNREADABLE = "unreadable"
    NOT_NOW = "not_now"


class Rejected(Exception):
    """A post that is not authentic, or cannot be read; the message is for the person who set the webhook up."""

    def __init__(self, why: Why, sentence: str) -> None:
        super().__init__(sentence)
        self.why = why


@dataclass(frozen=True, slots=True)
class Post:
    """A request as it came in."""

    headers: Mapping[str, str]
    """By name in small letters."""
    body: bytes
    now: datetime
    secret_in_path: str = ""
    """The part of its URL after the provider's name."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event that a provider reports."""

    event_id: str
    """An id that is equal each time the provider reports the event."""
    report: Report
    at: datetime | None
    raw: bytes
    unknown: str = ""
    """The provider's name for an event that we do not know."""


@dataclass(frozen=True, slots=True)
class PostEvents:
    """The events of a post."""

    events: Sequence[Event] = ()
    token: str = ""
    """A one-time id to store, so that a signature cannot be replayed with other events; empty if it covers the body."""


class Provider(Protocol):
    """A provider's webhook, with the secrets that prove it."""

    def read(self, post: Post) -> PostEvents:
        """The events of a post; Rejected if it is not proven to be the provider's, or cannot be read."""


def same(actual: str, expected: str) -> bool:
    """Whether two secrets are equal, in a time that tells nothing about either."""
    return hmac.compare_digest(_digest(actual), _digest(expected))


def require_secret(post: Post, user: str, secrets: Iterable[str]) -> None:
    """Rejected unless the post carries one of these, as password of this user, as bearer token, or as its path."""
    kind, _, credentials = post.headers.get("authorization", "").partition(" ")
    offered = [post.secret_in_path] if post.secret_in_path else []
    if kind.lower() == "bearer":
        offered.append(credentials.strip())
    if kind.lower() == "basic":
        offered.extend(_passwords(credentials, user))
    if not any([same(one, secret) for one in offered for secret in secrets]):  # noqa: C419  (all are compared)
        raise Rejected(Why.UNAUTHENTICATED, "The user name, the password or the secret in the address is wrong.")


def require_fresh(at: datetime | None, now: datetime, oldest: timedelta) -> None:
    """Rejected if a post was signed longer ago than this, or in the future."""
    if at is None or not -AHEAD <= now - at <= oldest:
        raise Rejected(Why.STALE, "The timestamp is too old, or lies in the future.")


def event_id_of(provider: str, *parts: object) -> str:
    """An event's id: the provider's own, or a digest of what makes it this event and no other."""
    text = "\x1f".join(map(str, parts))
    is_plain = len(text) <= 120 and text.isascii() and text.isprintable()
    return f"{provider}:{text}" if is_plain and text else f"{provider}:{_digest(text).hex()}"


def permanent(address: str, diagnostic: str = "", status: str = "", code: str = "", mta: str = "") -> Recipient:
    """A bounce that the provider calls permanent; soft all the same where the server's words speak against it."""
    status, code = _number(status, dots=2), _number(code, dots=0)
    reason = classify(diagnostic, status, code, mta).reason
    if reason in _NOT_FOR_GOOD:
        return Recipient(address, Hardness.SOFT, reason, status, code, "failed", diagnostic, mta)
    reason = Reason.USER_UNKNOWN if reason in _SAYS_NOTHING else reason
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
_NOT_FOR_GOOD = policy.ABOUT_US | {
    *(Reason.MAILBOX_FULL, Reason.EXPIRED, Reason.NETWORK, Reason.SYSTEM, Reason.SYSTEM_FULL),
}
_SAYS_NOTHING = NEVER_A_BOUNCE | {Reason.UNDEFINED, Reason.ON_HOLD}


def _passwords(credentials: str, user: str) -> list[str]:
    try:
        name, _, password = b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        return []
    return [password] if same(name, user) else []


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _number(text: str, dots: int) -> str:
    """A status or reply code, if it is one."""
    parts = text.strip().split(".")
    is_one = len(parts) == dots + 1 and all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts)
    return text.strip() if is_one else ""
