"""Resend: Standard Webhooks, under the names of Svix. https://resend.com/docs/dashboard/webhooks/introduction"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from newsletter.delivery.bounces.notifications import ses
from newsletter.delivery.bounces.notifications.json_fields import Fields, address_in, read_object, utc
from newsletter.delivery.bounces.notifications.outcomes import delayed, permanent, plain, soft, withheld
from newsletter.delivery.bounces.report import Kind, Reason, Recipient, Report
from newsletter.web.hooks.webhook import Event, Post, PostEvents, Rejected, Why, event_id_of, require_fresh, same

NAME = "resend"
OLDEST = timedelta(minutes=5)
"""Each attempt has a signature of its own."""
_IGNORED_KINDS = ("contact.", "domain.")
_IGNORED = frozenset(
    {"email.sent", "email.opened", "email.clicked", "email.scheduled", "email.received", "email.created"}
)


class Resend:
    """Resend's webhook, proven by one of these signing secrets (`whsec_…`)."""

    def __init__(self, secrets: Collection[str]) -> None:
        # The key is the decoded text.
        self._keys = [b64decode(secret.removeprefix("whsec_")) for secret in secrets]

    def read(self, post: Post) -> PostEvents:
        """The event of a post."""
        name, stamp, signatures = (_header(post, each) for each in ("id", "timestamp", "signature"))
        self._verify(name, stamp, signatures, post.body)
        require_fresh(utc(lambda: datetime.fromtimestamp(int(stamp), UTC)), post.now, OLDEST)
        event = read_object(post.body)
        word = event.exact("type")
        return PostEvents([] if word in _IGNORED or word.startswith(_IGNORED_KINDS) else [_event(event, word, name)])

    def _verify(self, name: str, stamp: str, signatures: str, body: bytes) -> None:
        signed = f"{name}.{stamp}.".encode() + body
        expected = [b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in self._keys]
        # Several, separated by spaces, while a secret is changed; unknown versions are ignored.
        candidates = [each.removeprefix("v1,") for each in signatures.split(" ")[:10] if each.startswith("v1,")]
        if not name or not any([same(one, other) for one in candidates for other in expected]):  # noqa: C419
            raise Rejected(Why.UNAUTHENTICATED, "The signature does not fit the body.")


def _header(post: Post, name: str) -> str:
    """Under Svix's name, or under that of the standard."""
    return post.headers.get(f"svix-{name}") or post.headers.get(f"webhook-{name}", "")


def _event(event: Fields, word: str, name: str) -> Event:
    data = event.inner("data")
    # Of several recipients it does not say which; each copy of ours has one.
    address = address_in(next(iter(data.texts("to")), "")) or data.address("to")
    kind, recipient = _read(word, address, data)
    unknown = (word or "nothing") if kind is Kind.NOT_A_BOUNCE else ""
    ids = [one.text("value") for one in data.objects("headers") if one.text("name").lower() == "message-id"]
    report = Report(kind, (recipient,), message_id=(ids[0] if ids else data.text("message_id")).strip("<> "))
    return Event(event_id_of(NAME, name), report, event.iso("created_at"), event.as_json(), unknown)


def _read(word: str, address: str, data: Fields) -> tuple[Kind, Recipient]:
    match word:
        case "email.bounced":
            return Kind.BOUNCE, _bounced(address, data.inner("bounce"))
        case "email.suppressed":
            return Kind.BOUNCE, withheld(address, f"not sent: {data.inner('suppressed').text('message')}")
        case "email.failed":
            return Kind.BOUNCE, soft(address, data.inner("failed").text("reason"), reason=Reason.SYNTAX)
        case "email.delivery_delayed":
            return Kind.DELAY, delayed(soft(address, data.inner("delay").text("message")))
        case "email.complained":
            return Kind.COMPLAINT, plain(Kind.COMPLAINT, address)
        case "email.delivered":
            return Kind.DELIVERED, plain(Kind.DELIVERED, address)
    return Kind.NOT_A_BOUNCE, plain(Kind.NOT_A_BOUNCE, address)


def _bounced(address: str, bounce: Fields) -> Recipient:
    """By the words of SES, through which Resend sends; where they are missing, by the text."""
    words, bounce_type = bounce.text("message"), bounce.text("type")
    if "suppressed" in words.lower():
        return withheld(address, f"not sent: {words}")
    if bounce_type:
        return ses.bounced(bounce_type, bounce.text("subType"), address, words)
    return permanent(address, words) if "hard bounce" in words.lower() else soft(address, words)
