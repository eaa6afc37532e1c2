"""Limits on guessing: attempts of each account and client within a quarter of an hour. Only digests are stored."""

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
"""Fewer than for passwords, because a code has six digits and three codes are valid at a time."""
LETTERS = 3
"""How many mails with a new link an address gets."""


def allow_password(session: Session, email: str, client: str, now: datetime) -> bool:
    """Count an attempt to sign in; False if the account or the client is over its limit."""
    # Counted before the password is checked, so that concurrent attempts are limited as well.
    of_account = _count(session, _account(email), now)
    of_client = _count(session, _digest("client", client), now)
    return of_account <= ACCOUNT and of_client <= CLIENT


def reset_passwords(session: Session, email: str) -> None:
    """Reset an account's count, after a correct password."""
    session.execute(delete(SignInTries).where(SignInTries.bucket == _account(email)))


def allow_code(session: Session, editor_id: int, now: datetime) -> bool:
    """Count an attempt at the second factor; False if the account is over its limit."""
    return _count(session, _digest("code", str(editor_id)), now) <= CODES


def reset_codes(session: Session, editor_id: int) -> None:
    """Reset the count, after a correct code."""
    session.execute(delete(SignInTries).where(SignInTries.bucket == _digest("code", str(editor_id))))


def allow_email(session: Session, email: str, client: str, now: datetime) -> bool:
    """Count a request for a mail; False if the address or the client is over its limit."""
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
