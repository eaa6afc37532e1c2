"""Passwords: their argon2 hashes, and which ones are too easily guessed to be kept."""

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
"""zxcvbn's scores below this are found within 10^6 guesses: common ones, keyboard rows, names with a year."""
_LOOKED_AT = 72
"""What zxcvbn takes at most; whatever is longer has enough in its beginning."""
_hasher = PasswordHasher()


def set_password(editor: Editor, password: str) -> None:
    """Keep the password's hash, and end the sessions and links that were out; Invalid for one that is no good."""
    require_strong(password, editor.email)
    editor.password_hash = _hasher.hash(password)
    end_sessions(editor)


def check(session: Session, email: str, password: str) -> Editor | None:
    """The editor whose password this is; None otherwise, in the same time whatever was wrong."""
    editor = session.scalar(select(Editor).where(Editor.key == mailboxes.mailbox_key(email.strip())))
    return editor if verify_password(editor, password) else None


def verify_password(editor: Editor | None, password: str) -> bool:
    """Whether it is this editor's; nobody's is wrong, and takes as long."""
    try:
        return _hasher.verify((editor and editor.password_hash) or _nobodys_hash(), password) and editor is not None
    except VerifyMismatchError:
        return False


def require_strong(password: str, email: str) -> None:
    """Invalid, saying why, for one that is too short, the address itself, or soon guessed."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(f"A password needs {SHORTEST} to {LONGEST} characters; this one has {len(password)}.")
    # Its word lists take a tenth of a second to load, which only this needs.
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
    # Checked when the address is unknown, so that the answer takes as long as for a known one.
    return _hasher.hash(secrets.token_hex())
