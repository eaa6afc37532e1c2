"""Proof of work (ALTCHA, version 2): what a browser computes in a second or two, so that whoever uses it need not wait.

A challenge is bound to one token, and is as old as that token. The caller accepts each nonce once.
"""

import base64
import hashlib
import json
import secrets

from altcha import v2

from newsletter.config import Settings
from newsletter.errors import Invalid

_ALGORITHM = "PBKDF2/SHA-256"
# About 1 ms a guess where SHA-256 is done by the processor, and 4 ms on an older phone: there it takes 1 to 2 seconds.
_ITERATIONS = 5_000
_GUESSES = range(200, 600)
_LONGEST = 4_096
_READ_ERRORS = (ValueError, KeyError, TypeError, RecursionError)


def make_challenge(settings: Settings, token: str) -> str:
    """A new challenge for this token, as JSON."""
    made = v2.create_challenge(
        _ALGORITHM,
        _ITERATIONS,
        counter=secrets.choice(_GUESSES),
        data={"token": token},
        hmac_secret=_key(settings.secret),
    )
    return json.dumps(made.to_dict())


def solved_nonce(settings: Settings, answer: str, token: str) -> str:
    """The nonce of the challenge for this token that the answer solves; Invalid for anything else."""
    payload = _parse(answer, token)
    for secret in (settings.secret, *settings.older_secrets):
        if v2.verify_solution(payload, _key(secret)).verified:
            return payload.challenge.parameters.nonce
    raise Invalid("the browser's proof does not belong to this form")


def _parse(answer: str, token: str) -> v2.Payload:
    """The answer as read; what the browser says of algorithm, cost and token is ignored, because we know them."""
    try:
        if len(answer) > _LONGEST:
            raise ValueError(len(answer))
        read = json.loads(base64.b64decode(answer, validate=True))
        asked, solution = read["challenge"], read["solution"]
        nonce, salt, prefix = (asked["parameters"][name] for name in ("nonce", "salt", "keyPrefix"))
        parameters = v2.ChallengeParameters(
            _ALGORITHM, nonce, salt, _ITERATIONS, key_prefix=prefix, data={"token": token}
        )
        solved = v2.Solution(solution["counter"], solution["derivedKey"])
        return v2.Payload(v2.Challenge(parameters, asked["signature"]), solved)
    except _READ_ERRORS:
        raise Invalid("the browser's proof cannot be read") from None


def _key(secret: bytes) -> bytes:
    return hashlib.sha256(b"newsletter/proof/" + secret).digest()
