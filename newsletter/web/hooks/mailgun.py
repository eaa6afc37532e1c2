"""Mailgun: an HMAC over a timestamp and a token, but not over the event.

https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
"""

import hashlib
import hmac
from collections.abc import Collection
from datetime import timedelta

from newsletter.delivery.bounces.notifications.json_fields import Fields, read_object
from newsletter.delivery.bounces.notifications.outcomes import delayed, permanent, plain, soft, withheld
from newsletter.delivery.bounces.report import Kind, Reason, Recipient, Report
from newsletter.web.hooks.webhook import Event, Post, PostEvents, Rejected, Why, event_id_of, require_fresh, same

NAME = "mailgun"
OLDEST = timedelta(hours=12)
"""It tries for eight hours."""
_IGNORED = frozenset({"accepted", "opened", "clicked", "stored", "list_member_uploaded", "list_uploaded"})
# Its own codes for mail that it does not send, where it gives no reason.
_CODES = {"605": "suppress-bounce", "606": "suppress-unsubscribe", "607": "suppress-complaint"}


class Mailgun:
    """Mailgun's webhook, proven by one of these HTTP webhook signing keys."""

    def __init__(self, keys: Collection[str]) -> None:
        self._keys = keys

    def read(self, post: Post) -> PostEvents:
        """The event of a post."""
        body = read_object(post.body)
        signature, item = body.inner("signature"), body.inner("event-data")
        self._verify(signature)
        require_fresh(signature.epoch("timestamp"), post.now, OLDEST)
        # Anybody who has seen a token could send it with another event. The event's own id is unique only within a day.
        token = event_id_of(NAME, signature.exact("token"))
        return PostEvents([] if item.exact("event") in _IGNORED else [_event(item, token)], token)

    def _verify(self, signature: Fields) -> None:
        signed = f"{signature.text('timestamp')}{signature.exact('token')}".encode(errors="replace")
        for key in self._keys:
            expected = hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
            if signature.exact("token") and same(signature.exact("signature"), expected):
                return
        raise Rejected(Why.UNAUTHENTICATED, "The signature does not fit the timestamp and the token.")


def _event(item: Fields, event_id: str) -> Event:
    word = item.exact("event")
    kind, recipient = _read(word, item)
    report = Report(
        kind,
        (recipient,),
        item.inner("envelope").address("sender"),
        item.inner("message", "headers").text("message-id").strip("<> "),
    )
    unknown = (word or "nothing") if kind is Kind.NOT_A_BOUNCE else ""
    return Event(event_id, report, item.epoch("timestamp"), item.as_json(), unknown)


def _read(word: str, item: Fields) -> tuple[Kind, Recipient]:
    address = item.address("recipient") or item.inner("message", "headers").address("to")
    match word:
        case "failed":
            return _failed(address, item)
        case "rejected":
            return Kind.BOUNCE, soft(address, item.inner("reject").text("reason"), reason=Reason.REJECTED)
        case "delivered":
            return Kind.DELIVERED, plain(Kind.DELIVERED, address, item.inner("delivery-status").text("message"))
        case "complained":
            return Kind.COMPLAINT, plain(Kind.COMPLAINT, address)
        case "unsubscribed":
            return Kind.UNSUBSCRIBE, plain(Kind.UNSUBSCRIBE, address)
    return Kind.NOT_A_BOUNCE, plain(Kind.NOT_A_BOUNCE, address)


def _failed(address: str, item: Fields) -> tuple[Kind, Recipient]:
    answer = item.inner("delivery-status")
    words, code = answer.first_text("message", "description"), answer.text("code")
    codes = (answer.text("enhanced-code"), code, answer.text("mx-host"))
    if item.exact("severity") != "permanent":
        return Kind.DELAY, delayed(soft(address, words, *codes))
    match _CODES.get(code) or item.exact("reason"):
        case "suppress-bounce":
            return Kind.BOUNCE, withheld(address, f"not sent: {words}")
        case "suppress-complaint":
            return Kind.COMPLAINT, plain(Kind.COMPLAINT, address, words)
        case "suppress-unsubscribe":
            return Kind.UNSUBSCRIBE, plain(Kind.UNSUBSCRIBE, address)
        case "old":
            return Kind.BOUNCE, soft(address, words, *codes, reason=Reason.EXPIRED)
        case "bounce" if not code.startswith("4"):
            return Kind.BOUNCE, permanent(address, words, *codes)
    return Kind.BOUNCE, _by_words(address, words, codes)


def _by_words(address: str, words: str, codes: tuple[str, str, str]) -> Recipient:
    """A permanent failure without a reason: hard only if the server itself says so."""
    found = soft(address, words, *codes)
    return permanent(address, words, *codes) if found.reason in {Reason.USER_UNKNOWN, Reason.HAS_MOVED} else found
