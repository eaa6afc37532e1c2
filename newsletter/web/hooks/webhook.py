"""What all providers' modules share: a post, the events read from it, and why a post is rejected."""

import hashlib
import hmac
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from newsletter.delivery.bounces.report import Report

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
        """The events of a post; Rejected if it is not proven to be the provider's; Unreadable if it cannot be read."""


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


def _passwords(credentials: str, user: str) -> list[str]:
    try:
        name, _, password = b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        return []
    return [password] if same(name, user) else []


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
