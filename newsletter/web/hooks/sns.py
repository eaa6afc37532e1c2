"""Amazon SNS: who signed a message, and for which topic.

Read before the signature is checked: the envelope alone. Certificates come from Amazon's own hosts only, and are the
one thing that is asked for outside.
"""

import re
import threading
from base64 import b64decode
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from newsletter.delivery.bounces.notifications.json_fields import Fields, read_object
from newsletter.outbound import Answer
from newsletter.web.hooks.webhook import Post, Rejected, Why, require_fresh

T = TypeVar("T")

Fetch = Callable[[str, int], Answer]
"""Fetches at most that many bytes of a URL, without following redirects."""

OLDEST = timedelta(hours=1)
"""SNS itself tries no longer (delivery policies end at 3,600 seconds)."""
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
_HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303  (SNS's default)
# Compared as a whole: a parser drops white space before it names the host, and a fragment makes many URLs of one. China
# and the European Sovereign Cloud have domains of their own.
_AMAZON = r"https://sns\.[a-z0-9-]+\.amazonaws\.(?:com|com\.cn|eu)(?::443)?"
_CERTIFICATE = re.compile(_AMAZON + r"/SimpleNotificationService-[0-9a-f]{1,64}\.pem")
_CONFIRMATION_URL = re.compile(_AMAZON + r"/\?[!-~]+")
_MOST_BYTES = 64 * 1024
_MOST_KEPT = 16
_TRY_AGAIN = timedelta(minutes=1)


class Certificates:
    """Amazon's certificates, each fetched once; one that could not be fetched is not asked for within a minute."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._kept: dict[str, x509.Certificate] = {}
        self._fetching = threading.Lock()
        self._not_before: dict[str, datetime] = {}

    def key(self, url: str, now: datetime) -> rsa.RSAPublicKey:
        """The key of a certificate that is valid now; Rejected for any other."""
        if not _CERTIFICATE.fullmatch(url):
            raise Rejected(Why.UNAUTHENTICATED, "The signing certificate is not at an address of Amazon SNS.")
        certificate = self._kept.get(url) or self._fetched(url, now)
        key = certificate.public_key()
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise Rejected(Why.UNAUTHENTICATED, "The signing certificate is not valid today.")
        if not isinstance(key, rsa.RSAPublicKey):
            raise Rejected(Why.UNAUTHENTICATED, "The signing certificate has no RSA key.")
        return key

    def _fetched(self, url: str, now: datetime) -> x509.Certificate:
        # One at a time, because strangers may name any certificate they like; but what they name does not keep that of
        # our topic from being fetched.
        if now < self._not_before.get(url, now) or not self._fetching.acquire(blocking=False):
            raise Rejected(Why.NOT_NOW, "The signing certificate cannot be fetched just now.")
        try:
            answer = self._fetch(url, _MOST_BYTES)
            found = x509.load_pem_x509_certificate(answer.content) if answer.status == 200 else None
        except ValueError:
            found = None
        finally:
            self._fetching.release()
        if found is None:
            _keep(self._not_before, url, now + _TRY_AGAIN)
            raise Rejected(Why.NOT_NOW, "The signing certificate cannot be fetched just now.")
        _keep(self._kept, url, found)
        return found


def verified(post: Post, topics: Collection[str], certificates: Certificates) -> Fields:
    """The envelope of a message that Amazon signed for one of these topics; Rejected for any other."""
    if post.headers.get("x-amz-sns-rawdelivery", "").lower() == "true":
        raise Rejected(Why.UNAUTHENTICATED, "Switch raw message delivery off: it drops the signature.")
    envelope = read_object(post.body)
    _agree(post, envelope)
    if envelope.exact("TopicArn") not in topics:
        raise Rejected(Why.FOREIGN_TOPIC, "The topic is not in BOUNCE_SES_TOPICS.")
    require_fresh(envelope.iso("Timestamp"), post.now, OLDEST)
    algorithm = _HASHES.get(envelope.exact("SignatureVersion"))
    if algorithm is None:
        raise Rejected(Why.UNAUTHENTICATED, "The signature is of an unknown version.")
    key = certificates.key(envelope.exact("SigningCertURL"), post.now)
    try:
        signature = b64decode(envelope.exact("Signature"), validate=True)
        key.verify(signature, string_to_sign(envelope), padding.PKCS1v15(), algorithm)
    except (ValueError, InvalidSignature):
        raise Rejected(Why.UNAUTHENTICATED, "The signature does not fit the message.") from None
    return envelope


def string_to_sign(envelope: Fields) -> bytes:
    """The bytes that Amazon signs: names and values, a line each, in the order of its documentation."""
    names = [name for name in _SIGNED[envelope.exact("Type")] if name != "Subject" or "Subject" in envelope.items]
    return "".join(f"{name}\n{envelope.exact(name)}\n" for name in names).encode()


def confirm_subscription(envelope: Fields, fetch: Fetch) -> None:
    """Have the topic send its messages here; Rejected if the address to confirm at is not Amazon's."""
    url = envelope.exact("SubscribeURL")
    asked = parse_qs(urlsplit(url).query) if _CONFIRMATION_URL.fullmatch(url) else {}
    if asked.get("Action") != ["ConfirmSubscription"] or asked.get("TopicArn") != [envelope.exact("TopicArn")]:
        raise Rejected(Why.UNAUTHENTICATED, "The address to confirm the subscription at is not Amazon's.")
    if fetch(url, _MOST_BYTES).status != 200:
        raise Rejected(Why.NOT_NOW, "Amazon did not confirm the subscription.")


def _agree(post: Post, envelope: Fields) -> None:
    """Rejected unless the headers of SNS name the type and the id that the signed envelope has."""
    headers = (post.headers.get("x-amz-sns-message-type", ""), post.headers.get("x-amz-sns-message-id", ""))
    if headers[0] not in _SIGNED or headers != (envelope.exact("Type"), envelope.exact("MessageId")) or not headers[1]:
        raise Rejected(Why.UNAUTHENTICATED, "The headers of SNS do not fit the message.")


def _keep(by_url: dict[str, T], url: str, value: T) -> None:
    """Keep this of a URL, and of others no more than there is room for."""
    if len(by_url) >= _MOST_KEPT:
        by_url.pop(next(iter(by_url)), None)
    by_url[url] = value
