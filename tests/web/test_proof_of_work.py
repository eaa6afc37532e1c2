import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from altcha import v2

from newsletter.config import Settings
from newsletter.errors import Invalid
from newsletter.web.public import proof_of_work
from tests.web.proofs import solve, written

TOKEN = "a-sealed-token"


def settings_of(secret: str, older: str | None = None) -> Settings:
    return Settings.model_validate({"secret_key": secret, "secret_key_fallbacks": older})


OURS = settings_of("s" * 32)


@pytest.fixture(scope="module")
def answer() -> str:
    return written(solve(proof_of_work.make_challenge(OURS, TOKEN)))


def test_a_solved_challenge_is_accepted_for_its_own_token_only(answer: str) -> None:
    nonce = json.loads(base64.b64decode(answer))["challenge"]["parameters"]["nonce"]
    assert proof_of_work.solved_nonce(OURS, answer, TOKEN) == nonce
    with pytest.raises(Invalid, match="does not belong"):
        proof_of_work.solved_nonce(OURS, answer, "another-token")


def test_a_proof_outlives_a_change_of_the_secret_by_the_fallback(answer: str) -> None:
    assert proof_of_work.solved_nonce(settings_of("n" * 32, older="s" * 32), answer, TOKEN)
    with pytest.raises(Invalid, match="does not belong"):
        proof_of_work.solved_nonce(settings_of("n" * 32), answer, TOKEN)


def altered(path: str, value: Any) -> Callable[[Any], None]:
    def alter(read: Any) -> None:
        *way, last = path.split(".")
        for step in way:
            read = read[step]
        read[last] = value

    return alter


@pytest.mark.parametrize(
    "alter",
    [
        altered("challenge.signature", "00" * 32),
        altered("challenge.signature", None),
        altered("challenge.signature", ["x"]),
        altered("challenge.parameters.nonce", "00" * 16),
        altered("challenge.parameters.nonce", {"__proto__": 1}),
        altered("challenge.parameters.salt", "\ud800"),
        # Any guess would do, if the prefix were not signed.
        altered("challenge.parameters.keyPrefix", ""),
        altered("challenge.parameters.keyPrefix", 7),
        altered("solution.counter", 1),
        altered("solution.counter", True),
        altered("solution.counter", -1),
        altered("solution.counter", 10**60),
        altered("solution.counter", "1"),
        altered("solution.derivedKey", "00" * 32),
        altered("solution.derivedKey", None),
        altered("solution", []),
        altered("challenge", "text"),
        altered("challenge.parameters", None),
    ],
)
def test_an_altered_answer_is_refused(answer: str, alter: Callable[[Any], None]) -> None:
    read = json.loads(base64.b64decode(answer))
    alter(read)
    with pytest.raises(Invalid):
        proof_of_work.solved_nonce(OURS, written(read), TOKEN)


def test_an_easier_challenge_than_ours_is_refused() -> None:
    """Signed with our own key, so that only the cost is wrong."""
    key = proof_of_work._key(OURS.secret)
    easy = v2.create_challenge("PBKDF2/SHA-256", 1, counter=1, data={"token": TOKEN}, hmac_secret=key)
    with pytest.raises(Invalid):
        proof_of_work.solved_nonce(OURS, written(solve(json.dumps(easy.to_dict()))), TOKEN)


HOSTILE = (b"\xff", b"null", b"[]", b"1", b'"x"', b"{}", b"NaN", b"[" * 3_000, b"9" * 3_000, b" " * 100_000)
NO_BASE64 = ("", "!", "AAAA", "é", "\0", "\ud800")


@pytest.mark.parametrize("text", [*NO_BASE64, *(base64.b64encode(text).decode() for text in HOSTILE)])
def test_what_no_browser_of_ours_wrote_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        proof_of_work.solved_nonce(OURS, text, TOKEN)
