"""Twilio SendGrid: an ECDSA signature over the timestamp and the body, and an array of events.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

import binascii
from base64 import b64decode
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from newsletter.delivery.bounces.notifications.json_fields import Fields, read_objects, utc
from newsletter.delivery.bounces.notifications.outcomes import delayed, permanent, plain, soft, withheld
from newsletter.delivery.bounces.report import Kind, Reason, Recipient, Report
from newsletter.web.hooks.webhook import Event, Post, PostEvents, Rejected, Why, event_id_of, require_fresh

NAME = "sendgrid"
OLDEST = timedelta(hours=24)
"""It retries for a day, and does not document whether it signs each attempt; the events' ids reveal repeats."""
_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
_IGNORED = frozenset({"processed", "open", "click", "group_resubscribe"})
_CLASSES = {
    "content": Reason.CONTENT,
    "reputation": Reason.BAD_REPUTATION,
    "frequency or volume too high": Reason.RATE_LIMITED,
}
_DROPPED_FOR_US = {
    "invalid smtpapi header": Reason.SYNTAX,
    "spam content": Reason.SPAM,
    "spam content (if spam checker app enabled)": Reason.SPAM,
    "recipient list over package quota": Reason.RATE_LIMITED,
}


class SendGrid:
    """SendGrid's webhook, proven by the signature of one of these keys (base64 of their DER)."""

    def __init__(self, keys: Collection[str]) -> None:
        self._keys = [_loaded(key) for key in keys]

    def read(self, post: Post) -> PostEvents:
        """The events of a post."""
        stamp = post.headers.get(_TIMESTAMP, "")
        self._verify(post.headers.get(_SIGNATURE, ""), stamp, post.body)
        require_fresh(utc(lambda: datetime.fromtimestamp(int(stamp), UTC)), post.now, OLDEST)
        return PostEvents([_event(item) for item in read_objects(post.body) if item.exact("event") not in _IGNORED])

    def _verify(self, signature: str, stamp: str, body: bytes) -> None:
        for key in self._keys:
            try:
                key.verify(b64decode(signature, validate=True), stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
            except (InvalidSignature, binascii.Error, ValueError):
                continue
            return
        raise Rejected(Why.UNAUTHENTICATED, "The signature does not fit the body.")


def _loaded(key: str) -> ec.EllipticCurvePublicKey:
    found = load_der_public_key(b64decode(key))
    if not isinstance(found, ec.EllipticCurvePublicKey):
        raise TypeError(key)
    return found


def _event(item: Fields) -> Event:
    word = item.exact("event")
    kind, recipient = _read(word, item)
    at = item.epoch("timestamp")
    name = item.text("sg_event_id") or item.as_json()
    report = Report(kind, (recipient,), message_id=item.first_text("smtp-id", "smtp_id").strip("<> "))
    unknown = (word or "nothing") if kind is Kind.NOT_A_BOUNCE else ""
    return Event(event_id_of(NAME, name), report, at, item.as_json(), unknown)


def _read(word: str, item: Fields) -> tuple[Kind, Recipient]:
    address, words, status = item.address("email"), item.first_text("reason", "response"), item.text("status")
    match word:
        case "bounce":
            return Kind.BOUNCE, _bounced(address, words, status, item)
        case "dropped":
            return _dropped(address, words)
        case "deferred":
            return Kind.DELAY, delayed(soft(address, words, status))
        case "delivered":
            return Kind.DELIVERED, plain(Kind.DELIVERED, address, words)
        case "spamreport":
            return Kind.COMPLAINT, plain(Kind.COMPLAINT, address)
        case "unsubscribe" | "group_unsubscribe":
            return Kind.UNSUBSCRIBE, plain(Kind.UNSUBSCRIBE, address)
    return Kind.NOT_A_BOUNCE, plain(Kind.NOT_A_BOUNCE, address, words)


def _bounced(address: str, words: str, status: str, item: Fields) -> Recipient:
    named = item.text("bounce_classification").lower()
    if item.text("type").lower() == "blocked" or named not in {"", "invalid address"}:
        return soft(address, words, status, reason=_CLASSES.get(named))
    return permanent(address, words, status)


def _dropped(address: str, words: str) -> tuple[Kind, Recipient]:
    """A mail that SendGrid did not send, and why."""
    match words.lower():
        case "bounced address":
            return Kind.BOUNCE, withheld(address, f"not sent: {words}")
        case "invalid":
            return Kind.BOUNCE, permanent(address, f"not sent: {words}")
        case "spam reporting address":
            return Kind.COMPLAINT, plain(Kind.COMPLAINT, address, words)
        case "unsubscribed address":
            return Kind.UNSUBSCRIBE, plain(Kind.UNSUBSCRIBE, address)
        case other:
            return Kind.BOUNCE, soft(address, words, reason=_DROPPED_FOR_US.get(other))
