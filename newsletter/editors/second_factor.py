"""The second factor: time-based codes (TOTP, RFC 6238), and ten recovery codes.

The secret is stored sealed by SECRET_KEY and bound to its person; SECRET_KEY_FALLBACKS still open it. A recovery code
has 80 random bits, so an unsalted digest of it is safe to store.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

import pyotp
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from newsletter.editors.models import Editor, RecoveryCode
from newsletter.errors import Conflict, Invalid
from newsletter.tokens import TokenSeal

CODES = 10
_STEP = 30
_SKEW = (0, -1, 1)
"""The clock drift that is accepted, in time steps, the most likely first."""
_SECRET_BYTES = 20
_CODE_BYTES = 10
_OFFERED, _KEPT = "offered-factor", "second-factor"
_STALE = "This page was open for too long, or came from elsewhere. Open it again, and scan the new code."
_LOST = (
    "Your two-factor authentication can no longer be read, because the secret key has changed. "
    "Use a recovery code, or ask an owner to reset it."
)


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A secret offered to an authenticator app; it is stored only when the first code has been entered."""

    secret: str
    sealed: str
    uri: str


def begin_enrollment(seal: TokenSeal, editor: Editor, issuer: str, sealed: str = "") -> Enrollment:
    """Offer a secret: a new one, or the one offered before, so that a wrong code needs no second scan."""
    secret = _open(seal, _OFFERED, editor.id, sealed, _STALE) if sealed else pyotp.random_base32(32)
    uri = pyotp.TOTP(secret).provisioning_uri(name=editor.email, issuer_name=issuer)
    return Enrollment(secret, sealed or _closed(seal, _OFFERED, editor.id, secret), uri)


def enroll(
    session: Session, seal: TokenSeal, editor: Editor, sealed: str, code: str, now: datetime
) -> list[str] | None:
    """Store the offered secret if the code is correct, and return the recovery codes; None for a wrong code."""
    secret = _open(seal, _OFFERED, editor.id, sealed, _STALE)
    step = _step(secret, code, now)
    if step is None:
        return None
    values = {"factor": _closed(seal, _KEPT, editor.id, secret), "factor_step": step}
    done = update(Editor).where(Editor.id == editor.id, Editor.factor.is_(None)).values(**values).returning(Editor.id)
    if session.scalar(done) is None:
        raise Conflict("Two-factor authentication has already been set up in another window. Turn it off there first.")
    return renew_recovery_codes(session, editor)


def verify_code(session: Session, seal: TokenSeal, editor: Editor, code: str, now: datetime) -> bool:
    """Whether this is a valid code now; if so, it and all earlier codes become invalid."""
    if editor.factor is None:
        return False
    step = _step(_open(seal, _KEPT, editor.id, editor.factor, _LOST), code, now)
    if step is None or step <= editor.factor_step:
        return False
    unused = Editor.id == editor.id, Editor.factor == editor.factor, Editor.factor_step < step
    taken = update(Editor).where(*unused).values(factor_step=step).returning(Editor.id)
    return session.scalar(taken) is not None


def use_recovery_code(session: Session, editor: Editor, code: str) -> bool:
    """Whether this is a recovery code; if so, it is used up."""
    mine = RecoveryCode.editor_id == editor.id, RecoveryCode.digest == _digest(code)
    return session.scalar(delete(RecoveryCode).where(*mine).returning(RecoveryCode.editor_id)) is not None


def renew_recovery_codes(session: Session, editor: Editor) -> list[str]:
    """Ten new recovery codes, to be shown once; earlier ones become invalid."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.editor_id == editor.id))
    codes = [_readable(secrets.token_bytes(_CODE_BYTES)) for _ in range(CODES)]
    session.add_all(RecoveryCode(editor_id=editor.id, digest=_digest(code)) for code in codes)
    return codes


def count_recovery_codes(session: Session, editor: Editor) -> int:
    """How many recovery codes are unused."""
    mine = select(func.count()).where(RecoveryCode.editor_id == editor.id)
    return session.scalars(mine).one()


def disable(session: Session, editor: Editor) -> None:
    """Turn the second factor off, and delete the recovery codes."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.editor_id == editor.id))
    editor.factor = None


def _step(secret: str, code: str, now: datetime) -> int | None:
    """The time step that this code belongs to; None if it is of no step near now."""
    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdigit()):
        return None
    current = int(now.timestamp()) // _STEP
    totp = pyotp.TOTP(secret)
    steps = (current + skew for skew in _SKEW)
    return next((step for step in steps if hmac.compare_digest(totp.at(step * _STEP), digits)), None)


def _closed(seal: TokenSeal, purpose: str, editor_id: int, secret: str) -> str:
    return seal.seal(purpose, editor_id, int.from_bytes(base64.b32decode(secret)))


def _open(seal: TokenSeal, purpose: str, editor_id: int, sealed: str, otherwise: str) -> str:
    try:
        sealed_for, number = seal.open(purpose, sealed)
    except Invalid:
        raise Conflict(otherwise) from None
    if sealed_for != editor_id:
        raise Conflict(otherwise)
    return base64.b32encode(number.to_bytes(_SECRET_BYTES)).decode()


def _readable(code: bytes) -> str:
    text = base64.b32encode(code).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _digest(code: str) -> str:
    return hashlib.sha256("".join(filter(str.isalnum, code.lower())).encode()).hexdigest()
