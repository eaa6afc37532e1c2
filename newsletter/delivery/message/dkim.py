"""DKIM (RFC 6376, RFC 8463): the signatures that go before a message, and the DNS record that lets others check them.

Every header that we write is signed, and some once more than they occur (RFC 6376, 8.15), so that adding
another breaks the signature. Headers are `relaxed`, for servers on the way fold them anew. The body
is `simple`: ours is 7-bit quoted-printable, which nobody has to touch, and has no empty lines at its end.
"""

import base64
import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_PADDING, _HASH = PKCS1v15(), SHA256()
_OVERSIGNED = (
    *(b"From", b"Subject", b"To", b"Cc", b"Date", b"Reply-To", b"Message-ID", b"Content-Type"),
    *(b"List-Unsubscribe", b"List-Unsubscribe-Post"),
)
# Octets that one string of a TXT record can hold (RFC 1035, 3.3).
_STRING = 255


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record to publish, such as the TXT record by which the world checks the signatures of a key."""

    name: str
    value: str
    kind: str = "TXT"

    @property
    def zone_line(self) -> str:
        """The record as a line of a zone file; a TXT record is split into strings of 255 octets."""
        if self.kind != "TXT":
            return f"{self.name}. IN {self.kind} {self.value}"
        strings = [self.value[start : start + _STRING] for start in range(0, len(self.value), _STRING)]
        return " ".join([f"{self.name}.", "IN", "TXT", *(f'"{string}"' for string in strings)])


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, with the domain and selector under which its public key is published."""

    domain: str
    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        """The value of a signature's `a=` tag."""
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    @property
    def record(self) -> DnsRecord:
        """The DNS record to publish before the key is used."""
        public = self.private.public_key()
        if isinstance(self.private, RSAPrivateKey):
            kind, octets = "rsa", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        else:
            # The key itself, not wrapped as for RSA (RFC 8463, 4).
            kind, octets = "ed25519", public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return DnsRecord(f"{self.selector}._domainkey.{self.domain}", f"v=DKIM1; k={kind}; p={_base64(octets)}")

    def sign(self, data: bytes) -> bytes:
        """The signature's octets."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(data, _PADDING, _HASH)
        return self.private.sign(hashlib.sha256(data).digest())


def signatures(keys: Collection[SigningKey], head: bytes, body: Iterable[bytes], moment: datetime) -> bytes:
    """The DKIM-Signature headers to put before `head`, one for each key; the body must end with exactly one CRLF."""
    if not keys:
        return b""
    unfolded = head.replace(b"\r\n ", b" ").splitlines()
    headers = [(name, value) for name, _, value in (line.partition(b":") for line in unfolded)]
    # Listed once more than they occur: a second one that is added on the way breaks the signature.
    names = b":".join([*(name for name, _ in headers), *_OVERSIGNED]).decode()
    digest = _base64(hashlib.sha256(b"".join(body)).digest())
    signed = b"".join(b"%b:%b\r\n" % (name.lower(), b" ".join(value.split())) for name, value in headers)
    tags = f" t={int(moment.timestamp())};\r\n h={names};\r\n bh={digest};\r\n b="
    return b"".join(_signature(key, signed, tags) for key in keys)


def _signature(key: SigningKey, signed: bytes, tags: str) -> bytes:
    own = f"v=1; a={key.algorithm}; c=relaxed/simple; d={key.domain}; s={key.selector};\r\n{tags}"
    # A signature covers its own header, too, with an empty `b=` (RFC 6376, 3.7).
    octets = key.sign(signed + f"dkim-signature:{own}".replace("\r\n", "").encode())
    return f"DKIM-Signature: {own}{_base64(octets)}\r\n".encode()


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
