"""Tokens: numbers sealed for a purpose, short enough for a URL or an address."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from newsletter.errors import Invalid
from newsletter.i18n.messages import lazy_gettext

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class TokenSeal:
    """Seals and opens tokens with AES-SIV (RFC 5297): opaque, tamper-proof, and deterministic.

    The first secret seals; older ones (SECRET_KEY_FALLBACKS) still open, so links in mail stay valid.
    """

    def __init__(self, *secrets: bytes) -> None:
        self._ciphers = [AESSIV(hashlib.sha512(b"newsletter/token/" + secret).digest()) for secret in secrets]

    def seal(self, purpose: str, *numbers: int) -> str:
        """A token of URL-safe characters, about 40 of them for two numbers."""
        return _url_safe(self._close(purpose, numbers))

    def open(self, purpose: str, token: str) -> tuple[int, ...]:
        """The numbers sealed for this purpose; Invalid for anything else."""
        try:
            return self._open(purpose, _exactly(token, _url_safe, base64.urlsafe_b64decode, 4))
        except (ValueError, UnicodeError):
            raise Invalid(lazy_gettext("this link is incomplete; open it again from the email, in one piece")) from None

    def seal_local_part(self, purpose: str, *numbers: int) -> str:
        """A token for the local part of an address: a single letter case, at most 60 characters."""
        return _one_case(self._close(purpose, numbers)).lower()

    def open_local_part(self, purpose: str, token: str) -> tuple[int, ...]:
        """The numbers of a `seal_local_part`, in any letter case; Invalid for anything else."""
        try:
            return self._open(purpose, _exactly(token.upper(), _one_case, base64.b32decode, 8))
        except (ValueError, UnicodeError):
            raise Invalid("this link was not made here") from None

    def _close(self, purpose: str, numbers: Sequence[int]) -> bytes:
        text = ".".join(map(str, numbers))
        return self._ciphers[0].encrypt(text.encode(), [purpose.encode()])

    def _open(self, purpose: str, sealed: bytes) -> tuple[int, ...]:
        for cipher in self._ciphers:
            try:
                text = cipher.decrypt(sealed, [purpose.encode()])
            except InvalidTag:
                continue
            return tuple(int(number) for number in text.split(b"."))
        raise ValueError(purpose)


def _exactly(text: str, encode: Callable[[bytes], str], decode: Callable[[str], bytes], group: int) -> bytes:
    """The bytes of this text; ValueError if it is not their canonical encoding, as RFC 4648 (3.3, 3.5) asks.

    Python's decoders ignore invalid characters and unused trailing bits.
    """
    sealed = decode(text + "=" * (-len(text) % group))
    if encode(sealed) != text:
        raise ValueError("not as it was written")
    return sealed


def _url_safe(sealed: bytes) -> str:
    # Not by `base64`, whose functions call each other: each copy of an issue has several tokens.
    return binascii.b2a_base64(sealed, newline=False).translate(_URL_SAFE).rstrip(b"=").decode()


def _one_case(sealed: bytes) -> str:
    return base64.b32encode(sealed).rstrip(b"=").decode()
