"""Postmark: no signature, so a secret of ours proves it. https://postmarkapp.com/developer/webhooks/webhooks-overview"""

from collections.abc import Collection

from newsletter.delivery.bounces.notifications.json_fields import Fields, read_objects
from newsletter.delivery.bounces.notifications.outcomes import permanent, plain, soft, withheld
from newsletter.delivery.bounces.report import Kind, Reason, Recipient, Report
from newsletter.web.hooks.webhook import Event, Post, PostEvents, event_id_of, require_secret

NAME = "postmark"
_IGNORED = frozenset({"Open", "Click"})
_NOTHING = frozenset({"Subscribe", "AutoResponder", "AddressChange", "ChallengeVerification", "OpenRelayTest"})
_HARD = frozenset({"HardBounce", "BadEmailAddress"})
_SOFT = frozenset({"SoftBounce", "Transient", "DnsError"})
_WITHHELD = frozenset({"ManuallyDeactivated", "Unconfirmed"})
_LEFT = frozenset({"Unsubscribe", "ManualSuppression"})
_OURS = {
    # By the receiving provider, for what we sent or because of a block list.
    "Blocked": Reason.BLOCKED,
    "SpamNotification": Reason.SPAM,
    "VirusNotification": Reason.VIRUS,
    "DMARCPolicy": Reason.AUTHENTICATION,
    "SMTPApiError": Reason.SYNTAX,
    "TemplateRenderingFailed": Reason.SYNTAX,
}
"""Types that are about us, and not the reader's fault."""
_KINDS = {"AutoResponder": Kind.AUTO_REPLY, "ChallengeVerification": Kind.CHALLENGE}


class Postmark:
    """Postmark's webhook, proven by one of these secrets."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = secrets

    def read(self, post: Post) -> PostEvents:
        """The events of a post."""
        require_secret(post, NAME, self._secrets)
        return PostEvents([event for item in read_objects(post.body) if (event := _event(item))])


def _event(item: Fields) -> Event | None:
    record = item.exact("RecordType")
    if record in _IGNORED or (record == "SubscriptionChange" and item.is_false("SuppressSending")):
        return None
    address = item.address("Email") or item.address("Recipient")
    at = next((moment for name in ("BouncedAt", "DeliveredAt", "ChangedAt") if (moment := item.iso(name))), None)
    unknown = ""
    match record:
        case "Delivery":
            kind, recipient = Kind.DELIVERED, plain(Kind.DELIVERED, address, item.text("Details"))
        case "Bounce" | "SpamComplaint" | "SubscriptionChange":
            word = item.exact("SuppressionReason" if record == "SubscriptionChange" else "Type") or record
            kind, recipient = _read(word, address, item.first_text("Details", "Description"))
            unknown = word if kind is Kind.NOT_A_BOUNCE and word not in _NOTHING else ""
        case _:
            kind, recipient = Kind.NOT_A_BOUNCE, plain(Kind.NOT_A_BOUNCE, address)
            unknown = record or "nothing"
    name = item.text("ID") or (item.text("MessageID"), address, at)
    return Event(event_id_of(NAME, record, name), Report(kind, (recipient,)), at, item.as_json(), unknown)


def _read(word: str, address: str, words: str) -> tuple[Kind, Recipient]:
    """The meaning of Postmark's name for a bounce; its number is ignored."""
    if word == "SpamComplaint":
        return Kind.COMPLAINT, plain(Kind.COMPLAINT, address, words)
    if word in _LEFT:
        return Kind.UNSUBSCRIBE, plain(Kind.UNSUBSCRIBE, address)
    if word in _HARD:
        return Kind.BOUNCE, permanent(address, words)
    if word in _SOFT:
        return Kind.BOUNCE, soft(address, words)
    if word in _WITHHELD:
        return Kind.BOUNCE, withheld(address, f"{word} {words}".strip())
    if word in _OURS:
        return Kind.BOUNCE, soft(address, words, reason=_OURS[word])
    kind = _KINDS.get(word, Kind.NOT_A_BOUNCE)
    return kind, plain(kind, address, words)
