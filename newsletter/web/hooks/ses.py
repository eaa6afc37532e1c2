"""Amazon SES, by way of SNS."""

from collections.abc import Collection

import structlog

from newsletter.delivery.bounces.notifications import ses
from newsletter.delivery.bounces.notifications.json_fields import Fields, Unreadable, read_object
from newsletter.web.hooks import sns
from newsletter.web.hooks.webhook import Event, Post, PostEvents, event_id_of

log = structlog.get_logger(__name__)

NAME = "ses"
_WELCOME = "Successfully validated SNS topic for Amazon SES event publishing."


class AmazonSes:
    """SES's webhook; only messages of these topics are accepted."""

    def __init__(self, topics: Collection[str], fetch: sns.Fetch) -> None:
        self._topics = topics
        self._fetch = fetch
        self._certificates = sns.Certificates(fetch)

    def read(self, post: Post) -> PostEvents:
        """The events of a notification; a subscription to a topic of ours is confirmed."""
        envelope = sns.verified(post, self._topics, self._certificates)
        topic = envelope.exact("TopicArn")
        match envelope.exact("Type"):
            case "SubscriptionConfirmation":
                sns.confirm_subscription(envelope, self._fetch)
                log.info("sns topic subscribed", topic=topic)
            case "UnsubscribeConfirmation":
                log.warning("sns topic unsubscribed", topic=topic, hint="subscribe it again to hear of bounces")
            case _:
                return PostEvents(read_notification(envelope))
        return PostEvents()


def read_notification(envelope: Fields) -> list[Event]:
    """The events in SES's message within one of SNS."""
    message_json = envelope.exact("Message")
    if message_json.strip() == _WELCOME:
        return []
    try:
        message = read_object(message_json.encode(errors="replace"))
    except Unreadable:
        message = Fields({})
    found = ses.read_message(message)
    if found.word in ses.IGNORED:
        return []
    at = found.about.iso("timestamp")
    # The same event may come in both dialects, so it is identified by its content, not by SNS's id.
    names = [one.address for one in found.report.recipients]
    identity = (found.word, found.sent_id, found.about.exact("feedbackId") or at, *names)
    is_named = found.is_known and found.sent_id
    event_id = event_id_of(NAME, *identity) if is_named else event_id_of(NAME, envelope.exact("MessageId"))
    raw = message_json.encode(errors="replace")
    unknown = "" if found.is_known else found.word or "text"
    return [Event(event_id, found.report, at or envelope.iso("Timestamp"), raw, unknown)]
