"""Brevo: no signature, so a secret of ours proves it. https://developers.brevo.com/docs/transactional-webhooks"""

from collections.abc import Callable, Collection, Mapping

from newsletter.delivery.bounces.classify import classify
from newsletter.delivery.bounces.notifications.json_fields import Fields, read_objects
from newsletter.delivery.bounces.notifications.outcomes import delayed, permanent, plain, soft, withheld
from newsletter.delivery.bounces.report import Kind, Reason, Recipient, Report
from newsletter.web.hooks.webhook import Event, Post, PostEvents, event_id_of, require_secret

NAME = "brevo"
_IGNORED = frozenset(
    {
        *("request", "sent", "opened", "unique_opened", "proxy_open", "unique_proxy_open", "click", "clicked"),
        *("first_opening", "uniqueOpened", "uniqueProxyOpen", "loadedByProxy", "list_addition", "contact_updated"),
    }
)
_Read = Callable[[str, str], tuple[Kind, Recipient]]


class Brevo:
    """Brevo's webhook, proven by one of these secrets."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = secrets

    def read(self, post: Post) -> PostEvents:
        """The events of a post: one, or several if batching is on."""
        require_secret(post, NAME, self._secrets)
        return PostEvents([_event(item) for item in read_objects(post.body) if item.exact("event") not in _IGNORED])


def _event(item: Fields) -> Event:
    word, address = item.exact("event"), item.address("email")
    read = _READERS.get(word)
    words = item.text("reason")
    kind, recipient = read(address, words) if read else (Kind.NOT_A_BOUNCE, plain(Kind.NOT_A_BOUNCE, address, words))
    # `ts`, `ts_event` and `date` are in the zone of the account.
    at = item.epoch("ts_epoch", per_second=1000)
    name = item.text("message-id")
    when = item.text("ts_epoch") or item.text("ts_event") or item.text("date")
    report = Report(kind, (recipient,), message_id=name.strip("<> "))
    unknown = "" if read else word or "nothing"
    return Event(event_id_of(NAME, word, name, address, when), report, at, item.as_json(), unknown)


def _blocked(address: str, words: str) -> tuple[Kind, Recipient]:
    # By Brevo's own list; but if it passes on what a server answered, that counts.
    is_answer = bool(classify(words).code)
    return Kind.BOUNCE, permanent(address, words) if is_answer else withheld(address, f"blocked {words}".strip())


def _error(address: str, words: str) -> tuple[Kind, Recipient]:
    # Brevo could not make the mail, which is not the reader's fault.
    return Kind.BOUNCE, soft(address, words, reason=Reason.SYNTAX)


_READERS: Mapping[str, _Read] = {
    "delivered": lambda address, words: (Kind.DELIVERED, plain(Kind.DELIVERED, address, words)),
    "hard_bounce": lambda address, words: (Kind.BOUNCE, permanent(address, words)),
    "invalid_email": lambda address, words: (Kind.BOUNCE, permanent(address, words)),
    "soft_bounce": lambda address, words: (Kind.BOUNCE, soft(address, words)),
    "blocked": _blocked,
    "deferred": lambda address, words: (Kind.DELAY, delayed(soft(address, words))),
    "error": _error,
    **dict.fromkeys(
        ("spam", "complaint"), lambda address, words: (Kind.COMPLAINT, plain(Kind.COMPLAINT, address, words))
    ),
    **dict.fromkeys(
        ("unsubscribe", "unsubscribed"), lambda address, _words: (Kind.UNSUBSCRIBE, plain(Kind.UNSUBSCRIBE, address))
    ),
}
