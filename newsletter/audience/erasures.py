"""Erased subscribers are remembered only by a keyed hash of their address, so that no old list brings them back.

Imports, the desk and the command line check against it. It does not keep an erased person from signing up again, and
confirming removes the hash. The key of the hash is random and used for nothing else; it is stored in the database,
sealed by SECRET_KEY, so that without SECRET_KEY nobody can find out who was erased.
"""

import hmac
import secrets
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

import structlog
from sqlalchemy import String, delete, exists, select, update
from sqlalchemy.orm import Session

from newsletter.audience.address import Address
from newsletter.audience.models import Erasure, SealedKey
from newsletter.db import AWAY, Sessions, insert
from newsletter.errors import Conflict, Invalid
from newsletter.prepared import encode_rows, listed
from newsletter.tokens import TokenSeal

log = structlog.get_logger(__name__)

_NAME = "erased"
_PURPOSE = "key-of-erased"
_BITS = 256
_ANYBODY = select(exists(select(Erasure.digest)))


def record_erasure(session: Session, seal: TokenSeal, key: str, now: datetime) -> None:
    """Store the hash of an address key; Conflict, saying what to do, if the key of the hash cannot be opened."""
    made = insert(session, SealedKey).values(name=_NAME, sealed=seal.seal(_PURPOSE, secrets.randbits(_BITS)))
    session.execute(made.on_conflict_do_nothing())
    row = insert(session, Erasure).values(digest=_digest(_key(session, seal), key), at=now)
    session.execute(row.on_conflict_do_update(index_elements=["digest"], set_={"at": now}))


def erased_keys(session: Session, seal: TokenSeal, keys: Collection[str]) -> set[str]:
    """Those of these address keys that were erased and have not confirmed since; Conflict as for `record_erasure`."""
    # Saves hashing a million imported rows where nobody was ever erased.
    if not session.scalar(_ANYBODY):
        return set()
    secret = _key(session, seal)
    digests = {_digest(secret, key): key for key in keys}
    asked = listed(session, digest=String())
    found = select(Erasure.digest).join_from(asked, Erasure, Erasure.digest == asked.c.digest)
    parameters = {"rows": encode_rows(digests)}
    return {digests[digest] for digest in session.connection().scalars(found, parameters)}


def erased_at(session: Session, seal: TokenSeal, key: str) -> datetime | None:
    """When the owner of an address was erased; None if never, or if they have confirmed since. Conflict as above."""
    if not erased_keys(session, seal, [key]):
        return None
    return session.get_one(Erasure, _digest(_key(session, seal), key)).at


def erased_at_address(session: Session, seal: TokenSeal, text: str) -> datetime | None:
    """The same for an address typed into a search; None as well if it is not a valid address."""
    try:
        return erased_at(session, seal, Address.parse(text).key)
    except Invalid:
        return None


def remove_erasure(session: Session, seal: TokenSeal, key: str) -> None:
    """Remove the hash, because its owner has signed up and confirmed again."""
    if erased_keys(session, seal, [key]):
        session.execute(delete(Erasure).where(Erasure.digest == _digest(_key(session, seal), key)))


def reseal_key(sessions: Sessions, seal: TokenSeal) -> None:
    """Seal the key of the hash by the current SECRET_KEY; logs an error if no configured key opens it."""
    with sessions.reading() as session:
        sealed = _sealed(session)
    current = sealed and _sealed_anew(seal, sealed)
    if current and current != sealed:
        # If the database cannot be written to now, the application starts anyway, and the next start reseals the key.
        with suppress(*AWAY), sessions.begin() as session:
            session.execute(update(SealedKey).where(SealedKey.name == _NAME).values(sealed=current))
            log.info("the key of erased readers is sealed by the new SECRET_KEY")


def _sealed_anew(seal: TokenSeal, sealed: str) -> str | None:
    with suppress(Invalid):
        return seal.seal(_PURPOSE, *seal.open(_PURPOSE, sealed))
    log.error("the key of erased readers cannot be opened: add the previous SECRET_KEY to SECRET_KEY_FALLBACKS")
    return None


def _key(session: Session, seal: TokenSeal) -> bytes:
    try:
        (number,) = seal.open(_PURPOSE, _sealed(session) or "")
    except Invalid:
        raise Conflict(
            "nobody can tell who was erased, because SECRET_KEY has changed: "
            "add the previous one to SECRET_KEY_FALLBACKS, and try again"
        ) from None
    return number.to_bytes(_BITS // 8)


def _sealed(session: Session) -> str | None:
    return session.scalar(select(SealedKey.sealed).where(SealedKey.name == _NAME))


def _digest(secret: bytes, key: str) -> str:
    return hmac.digest(secret, key.encode(), "sha256").hex()
