"""Posts as the providers sign them, by keys of the tests' own."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from newsletter.outbound import Answer
from newsletter.web.hooks.webhook import Post
from tests.sample_services import NOW

TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
SUBSCRIBE = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=a-token"
SECRET = "a-secret-that-is-for-tests"
SIGNING_SECRET = "whsec_" + b64encode(b"thirty-two bytes for these tests").decode()

Signed = tuple[dict[str, str], bytes]


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def verification_key() -> str:
    """What SendGrid shows beside the webhook."""
    return b64encode(ec_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


@cache
def certificate(begins: datetime = NOW - timedelta(days=1), ends: datetime = NOW + timedelta(days=300)) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(rsa_key().public_key())
    made = made.serial_number(1).not_valid_before(begins).not_valid_after(ends)
    return made.sign(rsa_key(), hashes.SHA256()).public_bytes(Encoding.PEM)


@dataclass
class Amazon:
    """What lies at Amazon's addresses, and which of them were asked for."""

    content: bytes = field(default_factory=certificate)
    status: int | None = 200
    asked: list[str] = field(default_factory=list)

    def fetch(self, url: str, most_bytes: int) -> Answer:
        assert most_bytes < 1_000_000
        self.asked.append(url)
        return Answer(url, self.status, url, content=self.content)


def sns(message: object, version: str = "2", at: datetime = NOW, **changes: str) -> Signed:
    """A post of SNS; what is changed is signed, too."""
    text = message if isinstance(message, str) else json.dumps(message)
    envelope = {
        "Type": "Notification",
        "MessageId": hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:36],
        "TopicArn": TOPIC,
        "Message": text,
        "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE,
        **changes,
    }
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    signed = "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope)
    kind: hashes.HashAlgorithm = hashes.SHA256() if version == "2" else hashes.SHA1()  # noqa: S303
    envelope["Signature"] = b64encode(rsa_key().sign(signed.encode(), padding.PKCS1v15(), kind)).decode()
    return sns_headers(envelope), json.dumps(envelope).encode()


def sns_headers(envelope: Mapping[str, str]) -> dict[str, str]:
    told = {"type": envelope["Type"], "id": envelope["MessageId"]}
    return {f"x-amz-sns-message-{name}": value for name, value in told.items()}


def confirmation(**changes: str) -> Signed:
    asked = {"Type": "SubscriptionConfirmation", "Token": "a-token", "SubscribeURL": SUBSCRIBE}
    return sns("You have chosen to subscribe.", **{**asked, **changes})


def sendgrid(events: object, at: datetime = NOW) -> Signed:
    body = events if isinstance(events, bytes) else json.dumps(events).encode()
    stamp = str(int(at.timestamp()))
    signature = b64encode(ec_key().sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    name = "x-twilio-email-event-webhook"
    return {f"{name}-signature": signature, f"{name}-timestamp": stamp}, body


def mailgun(event: object, token: str = "token-1", at: datetime = NOW, key: str = SECRET) -> Signed:  # noqa: S107
    stamp = str(int(at.timestamp()))
    signature = hmac.new(key.encode(), (stamp + token).encode(), hashlib.sha256).hexdigest()
    signed = {"timestamp": stamp, "token": token, "signature": signature}
    return {}, json.dumps({"signature": signed, "event-data": event}).encode()


def resend(event: object, name: str = "msg_1", at: datetime = NOW, secret: str = SIGNING_SECRET) -> Signed:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    stamp = str(int(at.timestamp()))
    key = b64decode(secret.removeprefix("whsec_"))
    signature = b64encode(hmac.digest(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256)).decode()
    return {"svix-id": name, "svix-timestamp": stamp, "svix-signature": f"v1,{signature}"}, body


def with_password(event: object, user: str, password: str = SECRET) -> Signed:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return {"authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}, body


def post(signed: Signed, now: datetime = NOW, path: str = "") -> Post:
    headers, body = signed
    return Post(headers, body, now.astimezone(UTC), path)


def ses_bounce(kind: str, subkind: str, diagnostic: str = "", status: str = "", **mail: Any) -> dict[str, Any]:
    recipient = {"emailAddress": "Ada <ada@example.org>", "action": "failed", "status": status}
    return {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": kind,
            "bounceSubType": subkind,
            "bouncedRecipients": [recipient | ({"diagnosticCode": diagnostic} if diagnostic else {})],
            "timestamp": "2026-11-20T11:59:58.000Z",
            "feedbackId": "0100-feedback",
        },
        "mail": {"messageId": "0100-mail", "source": "letters@example.org", "destination": ["ada@example.org"], **mail},
    }
