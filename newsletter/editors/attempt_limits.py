"""Tries: how often one account, or one client, may guess within a quarter of an hour. Only digests are kept."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from newsletter.addresses import mailboxes
from newsletter.db import insert
from newsletter.editors.models import SignInTries

WINDOW = timedelta(minutes=15)
ACCOUNT = 10
CLIENT = 40
CODES = 5
"""Fewer than passwords, because a code has six digits only, and three of them are right at once."""
LETTERS = 3
"""How many letters with a new link one address gets."""


def allow_password(session: Session, email: str, client: str, now: datetime) -> bool:
    """Count a try to sign in; False when this account or this client had enough for now."""
    # Counted before the password is looked at, so that many tries at once cannot slip through together.
    of_account = _count(session, _account(email), now)
    of_client = _count(session, _digest("client", client), now)
    return of_account <= ACCOUNT and of_client <= CLIENT


def reset_passwords(session: Session, email: str) -> None:
    """Start the account's count anew, after its password was right."""
    session.execute(delete(SignInTries).where(SignInTries.bucket == _account(email)))


def allow_code(session: Session, editor_id: int, now: datetime) -> bool:
    """Count a try at the second factor; False when this account had enough for now."""
    return _count(session, _digest("code", str(editor_id)), now) <= CODES


def reset_codes(session: Session, editor_id: int) -> None:
    """Start that count anew, after a code was right."""
    session.execute(delete(SignInTries).where(SignInTries.bucket == _digest("code", str(editor_id))))


def allow_email(session: Session, email: str, client: str, now: datetime) -> bool:
    """Count a wish for a letter; False when this address or this client had enough for now."""
    to_address = _count(session, _digest("letter", mailboxes.mailbox_key(email.strip())), now)
    from_client = _count(session, _digest("letters of", client), now)
    return to_address <= LETTERS and from_client <= CLIENT


def _count(session: Session, bucket: str, now: datetime) -> int:
    window = int(now.timestamp() // WINDOW.total_seconds())
    session.execute(delete(SignInTries).where(SignInTries.window < window))
    tried = insert(session, SignInTries).values(bucket=bucket, window=window, hits=1)
    counted = tried.on_conflict_do_update(index_elements=["bucket", "window"], set_={"hits": SignInTries.hits + 1})
    return session.scalars(counted.returning(SignInTries.hits)).one()


def _account(email: str) -> str:
    return _digest("account", mailboxes.mailbox_key(email.strip()))


def _digest(kind: str, word: str) -> str:
    return hashlib.sha256(f"{kind}:{word}".encode()).hexdigest()
