from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from newsletter.db import Sessions
from newsletter.editors import Editor, Role, add, second_factor
from newsletter.errors import Conflict
from newsletter.tokens import TokenSeal
from tests import sample_services

SEAL = TokenSeal(b"a secret for tests")


@pytest.fixture
def ann(sessions: Sessions, now: datetime) -> Editor:
    with sessions.begin() as session:
        return add(session, "ann@desk.example", Role.OWNER, now)


@pytest.fixture
def secret(sessions: Sessions, ann: Editor, now: datetime) -> str:
    """Ann's authenticator, set up a minute ago."""
    offer = second_factor.begin_enrollment(SEAL, ann, "Press")
    with sessions.begin() as session:
        earlier = now - timedelta(minutes=1)
        assert second_factor.enroll(session, SEAL, ann, offer.sealed, code(offer.secret, earlier), earlier)
    return offer.secret


def test_an_authenticator_learns_the_secret_from_the_address_in_the_picture(ann: Editor) -> None:
    offer = second_factor.begin_enrollment(SEAL, ann, "Newsletter Press")
    scanned = urlsplit(offer.uri)
    assert (scanned.scheme, scanned.netloc) == ("otpauth", "totp")
    assert parse_qs(scanned.query) == {"secret": [offer.secret], "issuer": ["Newsletter Press"]}
    assert second_factor.begin_enrollment(SEAL, ann, "Newsletter Press", offer.sealed) == offer


def test_codes_are_those_of_the_rfc() -> None:
    # RFC 6238, appendix B, cut to six digits.
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert [pyotp.TOTP(secret).at(at) for at in (59, 1111111109, 20000000000)] == ["287082", "081804", "353130"]


def test_nothing_is_kept_until_the_first_code_is_right(sessions: Sessions, ann: Editor, now: datetime) -> None:
    offer = second_factor.begin_enrollment(SEAL, ann, "Press")
    with sessions.begin() as session:
        assert second_factor.enroll(session, SEAL, ann, offer.sealed, "000000", now) is None
        assert session.get_one(Editor, ann.id, populate_existing=True).factor is None


@pytest.mark.parametrize("sealed", ["", "forged", SEAL.seal("offered-factor", 999, 1)])
def test_an_offer_from_elsewhere_is_not_taken(sessions: Sessions, ann: Editor, now: datetime, sealed: str) -> None:
    with sessions.begin() as session, pytest.raises(Conflict, match="Open it again"):
        second_factor.enroll(session, SEAL, ann, sealed, "123456", now)


def test_a_factor_is_set_up_once(sessions: Sessions, ann: Editor, secret: str, now: datetime) -> None:
    assert secret
    other = second_factor.begin_enrollment(SEAL, ann, "Press")
    with sessions.begin() as session, pytest.raises(Conflict, match="set up"):
        second_factor.enroll(session, SEAL, ann, other.sealed, code(other.secret, now), now)


@pytest.mark.parametrize(("seconds", "right"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_off_by_one_step(
    sessions: Sessions, ann: Editor, secret: str, now: datetime, seconds: int, right: bool
) -> None:
    assert takes(sessions, ann, code(secret, now + timedelta(seconds=seconds)), now) is right


def test_a_code_works_once_and_none_before_it_works_any_more(
    sessions: Sessions, ann: Editor, secret: str, now: datetime
) -> None:
    earlier, current = code(secret, now - timedelta(seconds=30)), code(secret, now)
    assert takes(sessions, ann, current, now)
    assert not takes(sessions, ann, current, now)
    assert not takes(sessions, ann, earlier, now)
    later = now + timedelta(seconds=30)
    assert takes(sessions, ann, code(secret, later), later)


def test_of_two_who_show_one_code_at_once_one_is_let_in(
    sessions: Sessions, ann: Editor, secret: str, now: datetime
) -> None:
    both, shown = Barrier(2), code(secret, now)

    def show(_number: int) -> bool:
        both.wait()
        return takes(sessions, ann, shown, now)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(show, range(2))) == [False, True]


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "000 000 000"])
def test_what_is_no_code_is_wrong(sessions: Sessions, ann: Editor, secret: str, now: datetime, typed: str) -> None:
    assert secret
    assert not takes(sessions, ann, typed, now)


def test_a_code_may_be_typed_with_a_space(sessions: Sessions, ann: Editor, secret: str, now: datetime) -> None:
    shown = code(secret, now)
    assert takes(sessions, ann, f" {shown[:3]} {shown[3:]} ", now)


def test_the_secret_and_the_recovery_codes_are_not_to_be_read_in_the_store(
    sessions: Sessions, ann: Editor, secret: str
) -> None:
    with sessions.begin() as session:
        codes = second_factor.renew_recovery_codes(session, ann)
    kept = str(sample_services.dump_of(sessions))
    assert secret not in kept
    assert str(int.from_bytes(pyotp.TOTP(secret).byte_secret())) not in kept
    assert not any(one in kept or one.replace("-", "") in kept for one in codes)


def test_an_older_secret_key_still_opens_it_and_a_lost_one_says_what_to_do(
    sessions: Sessions, ann: Editor, secret: str, now: datetime
) -> None:
    shown = code(secret, now)
    with pytest.raises(Conflict, match="Use a recovery code, or ask an owner"):
        takes(sessions, ann, shown, now, TokenSeal(b"another secret"))
    assert takes(sessions, ann, shown, now, TokenSeal(b"another secret", b"a secret for tests"))


def test_one_persons_secret_is_worth_nothing_in_anothers_row(
    sessions: Sessions, ann: Editor, secret: str, now: datetime
) -> None:
    with sessions.begin() as session:
        bo = add(session, "bo@desk.example", Role.VIEWER, now)
        bo.factor = session.get_one(Editor, ann.id).factor
    with pytest.raises(Conflict):
        takes(sessions, bo, code(secret, now), now)


def test_ten_recovery_codes_work_once_each_however_they_are_typed(sessions: Sessions, ann: Editor, secret: str) -> None:
    assert secret
    with sessions.begin() as session:
        codes = second_factor.renew_recovery_codes(session, ann)
        assert len(set(codes)) == second_factor.CODES == 10
        typed = [codes[0].upper(), codes[1].replace("-", ""), f" {codes[2].replace('-', ' ')} ", *codes[3:]]
        assert all(second_factor.use_recovery_code(session, ann, one) for one in typed)
        assert not any(second_factor.use_recovery_code(session, ann, one) for one in codes)
        assert second_factor.count_recovery_codes(session, ann) == 0


def test_new_codes_void_the_old_ones_and_belong_to_one_person(sessions: Sessions, ann: Editor, now: datetime) -> None:
    with sessions.begin() as session:
        bo = add(session, "bo@desk.example", Role.VIEWER, now)
        old, new = second_factor.renew_recovery_codes(session, ann), second_factor.renew_recovery_codes(session, ann)
        assert not second_factor.use_recovery_code(session, ann, old[0])
        assert not second_factor.use_recovery_code(session, bo, new[0])
        assert second_factor.use_recovery_code(session, ann, new[0])


def test_turned_off_it_leaves_nothing(sessions: Sessions, ann: Editor, secret: str, now: datetime) -> None:
    with sessions.begin() as session:
        second_factor.disable(session, session.get_one(Editor, ann.id))
    assert not takes(sessions, ann, code(secret, now), now)
    with sessions.reading() as session:
        assert second_factor.count_recovery_codes(session, ann) == 0


def takes(sessions: Sessions, editor: Editor, typed: str, now: datetime, seal: TokenSeal = SEAL) -> bool:
    with sessions.begin() as session:
        return second_factor.verify_code(session, seal, session.get_one(Editor, editor.id), typed, now)


def code(secret: str, at: datetime) -> str:
    return pyotp.TOTP(secret).at(at)
