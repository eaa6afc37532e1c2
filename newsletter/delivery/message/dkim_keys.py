"""The private keys that sign mail (DKIM): each in a file `<domain>.<selector>.pem` that only its owner may read.

A mail is signed only by the keys of its sender's own domain, not by those of a parent domain: so the signature
aligns with the domain that readers see even under strict DMARC (RFC 7489, 3.1.1). Keys are rotated by
creating one under a selector that is not in use yet.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from newsletter import mail_settings
from newsletter.addresses import mailboxes
from newsletter.delivery.message import mime
from newsletter.delivery.message.dkim import SigningKey
from newsletter.errors import Conflict, Invalid, Refused
from newsletter.system import atomic_files

_BITS = 2048
# Bits: a signature by a shorter RSA key is not valid (RFC 8301, 3.2).
_FEWEST_BITS = 1024

_GROUP_AND_OTHERS = 0o077

_DOMAIN = re.compile(rf"(?:{mail_settings.SELECTOR.pattern}\.)+{mail_settings.SELECTOR.pattern}")
# What a DNS name (RFC 1035, 2.3.4) has left beside the longest selector.
_LONGEST_DOMAIN = 253 - len("._domainkey.") - 63


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys in use, by domain."""

    keys: Mapping[str, Sequence[SigningKey]]

    @classmethod
    def load(cls, folder: Path, selectors: Sequence[str], *, must_be_there: bool = False) -> Self:
        """The keys of these selectors; raises Refused, saying what to do, for an unusable key file.

        With `must_be_there`, also for a selector without a key.
        """
        found: dict[str, list[SigningKey]] = {}
        for key in sorted(keys_in(folder, selectors), key=lambda key: selectors.index(key.selector)):
            found.setdefault(key.domain, []).append(key)
        signing = {key.selector for keys in found.values() for key in keys}
        if must_be_there and (lacking := [selector for selector in selectors if selector not in signing]):
            raise Refused(
                f"DKIM_SELECTORS: there is no key “{lacking[0]}” in {folder}; make one with "
                f"`newsletter dkim keygen DOMAIN --selector {lacking[0]}`, or name existing ones"
            )
        return cls(found)

    def for_address(self, address: str) -> Sequence[SigningKey]:
        """The keys that sign mail from this address."""
        return self.keys.get(mailboxes.host_of(address.rpartition("@")[2]), ())


NO_KEYS = Keyring({})


def keys_in(folder: Path, selectors: Collection[str] | None = None) -> Iterator[SigningKey]:
    """The keys in a folder, of these selectors or of all; raises Refused like `read_key`."""
    for path in key_files(folder):
        if selectors is None or _named(path)[1] in selectors:
            yield read_key(path)


def key_files(folder: Path) -> Iterator[Path]:
    """The files in a folder whose names are those of keys, whatever is in them."""
    # Not a glob, which would treat an unreadable folder as an empty one.
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix == ".pem":
            yield path


def read_key(path: Path) -> SigningKey:
    """The key in a file; raises Refused, saying what to do, if it is no key or if others may read it."""
    domain, selector = _named(path)
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & _GROUP_AND_OTHERS:
            raise Refused(f"{path} is open to others, and a private key must not be; run: chmod 600 {path}")
        pem = file.read()
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Invalid(f"{path} is not a private key in PEM without a passphrase; move it away") from None
    return SigningKey(domain, selector, _fit_to_sign(private, path))


def create_key(folder: Path, domain: str, selector: str, *, ed25519: bool = False) -> Path:
    """Create a key in a file of its own; returns its path. Raises Conflict if the file exists."""
    if not mail_settings.SELECTOR.fullmatch(selector):
        raise Invalid(f"“{selector}” is not a selector: small letters, digits and dashes, at most 63")
    path = folder / f"{_domain(domain)}.{selector}.pem"
    private = Ed25519PrivateKey.generate() if ed25519 else rsa.generate_private_key(65537, _BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    atomic_files.make_folder(folder, mode=0o700)
    try:
        atomic_files.create(path, pem)
    except FileExistsError:
        raise Conflict(f"{path} already exists, and mail may be signed with it; choose another selector") from None
    return path


def _fit_to_sign(private: PrivateKeyTypes, path: Path) -> RSAPrivateKey | Ed25519PrivateKey:
    if isinstance(private, Ed25519PrivateKey) or (
        isinstance(private, RSAPrivateKey) and private.key_size >= _FEWEST_BITS
    ):
        return private
    raise Invalid(
        f"{path} is not a key for DKIM, which takes RSA of {_FEWEST_BITS} bits or more, and Ed25519; move it away"
    )


def _named(path: Path) -> tuple[str, str]:
    domain, _, selector = path.stem.rpartition(".")
    if not (_DOMAIN.fullmatch(domain) and mail_settings.SELECTOR.fullmatch(selector)):
        raise Invalid(f"{path}: a key's file is named after its domain and its selector: example.org.press.pem")
    return domain, selector


def _domain(text: str) -> str:
    domain = mime.a_labels(text)
    if not _DOMAIN.fullmatch(domain) or len(domain) > _LONGEST_DOMAIN:
        raise Invalid(f"“{text}” is not a domain that mail can come from; write it like example.org")
    return domain
