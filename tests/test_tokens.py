"""Tokens: sealed for one purpose, and good in one spelling only."""

import string

import pytest
from flask import Flask
from itsdangerous import BadSignature

from newsletter.errors import Invalid
from newsletter.tokens import TokenSeal
from newsletter.web import security

SEAL = TokenSeal(b"a secret for tests")
URL_SAFE = f"{string.ascii_letters}{string.digits}-_"
NUMBERS = [(7,), (7, 12), (123, 4567), (1, 2, 3), (123_456, 7)]  # so that each number of last bits is met


@pytest.mark.parametrize("numbers", NUMBERS)
def test_no_other_last_character_opens_a_link(numbers: tuple[int, ...]) -> None:
    token = SEAL.seal("unsubscribe", *numbers)
    opened = [end for end in URL_SAFE if opens(SEAL.open, token[:-1] + end)]
    assert opened == [token[-1]]


@pytest.mark.parametrize("numbers", NUMBERS)
def test_no_other_last_character_opens_a_return_address(numbers: tuple[int, ...]) -> None:
    token = SEAL.seal_local_part("copy", *numbers)
    opened = [end for end in f"{string.ascii_lowercase}234567" if opens(SEAL.open_local_part, token[:-1] + end, "copy")]
    assert opened == [token[-1]]
    assert SEAL.open_local_part("copy", token.upper()) == numbers


@pytest.mark.parametrize("strange", ["!", " ", "\n", ".", "=", "==", "é", "+", "/"])
def test_a_link_with_a_strange_character_in_it_is_not_whole(strange: str) -> None:
    token = SEAL.seal("unsubscribe", 7, 12)
    for spelled in (token + strange, strange + token, token[:9] + strange + token[9:]):
        assert not opens(SEAL.open, spelled)
        assert not opens(SEAL.open_local_part, spelled)


def test_a_session_is_taken_only_as_it_was_written() -> None:
    app = Flask(__name__)
    app.secret_key = "a secret for tests"
    app.session_interface = security._Sessions()
    serializer = app.session_interface.get_signing_serializer(app)
    signed = serializer.dumps({"a": 1})
    assert [end for end in URL_SAFE if loads(serializer, signed[:-1] + end)] == [signed[-1]]


def opens(open_, token: str, purpose: str = "unsubscribe") -> bool:
    try:
        open_(purpose, token)
    except Invalid:
        return False
    return True


def loads(serializer, signed: str) -> bool:
    try:
        serializer.loads(signed)
    except BadSignature:
        return False
    return True
