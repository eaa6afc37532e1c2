"""Passwords: argon2 hashes, and a check that refuses those that are easily guessed."""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.addresses import mailboxes
from newsletter.editors.accounts import end_sessions
from newsletter.editors.models import Editor
from newsletter.errors import Invalid

SHORTEST = 10
LONGEST = 200
_GUESSED_SOON = 2
"""Lower zxcvbn scores are guessed within 10^6 attempts: common passwords, keyboard rows, names with a year."""
_LOOKED_AT = 72
"""The longest text that zxcvbn accepts; a longer password is judged by its beginning."""
_hasher = PasswordHasher()


def set_password(editor: Editor, password: str) -> None:
    """Store the password's hash, and end all sessions and links; Invalid for a weak password."""
    require_strong(password, editor.email)
    editor.password_hash = _hasher.hash(password)
    end_sessions(editor)


def check(session: Session, email: str, password: str) -> Editor | None:
    """The editor with this address and password, else None; the time is the same for every reason."""
    editor = session.scalar(select(Editor).where(Editor.key == mailboxes.mailbox_key(email.strip())))
    return editor if verify_password(editor, password) else None


def verify_password(editor: Editor | None, password: str) -> bool:
    """Whether it is this editor's password; without an editor False, after the same time."""
    try:
        return _hasher.verify((editor and editor.password_hash) or _nobodys_hash(), password) and editor is not None
    except VerifyMismatchError:
        return False


def require_strong(password: str, email: str) -> None:
    """Invalid, with the reason, for a password that is too short, contains the address, or is easily guessed."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(f"A password needs {SHORTEST} to {LONGEST} characters; this one has {len(password)}.")
    # Imported here, because its word lists take a tenth of a second to load.
    from zxcvbn import zxcvbn

    name = email.partition("@")[0].casefold()
    if email.casefold() in password.casefold() or password.casefold() == name:
        raise Invalid("A password must not be your address. A few random words are easy to remember.")
    if zxcvbn(password[:_LOOKED_AT], user_inputs=[email, name])["score"] < _GUESSED_SOON:
        raise Invalid(
            "This password is one of the first that anybody would try. A few random words are easy to remember."
        )


@cache
def _nobodys_hash() -> str:
    # Verified for unknown addresses, so that the answer takes as long as for known ones.
    return _hasher.hash(secrets.token_hex())
