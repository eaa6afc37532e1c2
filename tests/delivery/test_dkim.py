"""Signatures, as those who check them see them: dkimpy for every kind of mail, Mail::DKIM for some of each kind."""

import email
import re
import stat
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from email import policy
from pathlib import Path

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from peers import Mailbox
from test_compose import LINKS, Copy, letter, local_parts, names, single

from newsletter.delivery.message import compose, dkim_keys
from newsletter.delivery.message.content import SingleContent
from newsletter.delivery.message.dkim import SigningKey, signatures
from newsletter.delivery.message.dkim_keys import Keyring
from newsletter.delivery.models import OutboxMessage
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.mailer import MailerSettings, TransactionalMailer
from newsletter.delivery.transactional.outbox import Addressee, Composed
from newsletter.errors import Conflict, Invalid, Refused
from newsletter.mail_settings import MailServer

DATE = datetime(2025, 11, 24, 8, 0, tzinfo=UTC)
RSA = SigningKey("example.org", "press", rsa.generate_private_key(65537, 2048))
ED25519 = SigningKey("example.org", "press-ed25519", ed25519.Ed25519PrivateKey.generate())
KEYS = Keyring({"example.org": [RSA, ED25519]})
HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "Reply-To", "List-Id",
    "List-Unsubscribe-Post", "Feedback-ID", "MIME-Version", "Content-Type",
    # Once more than they are there.
    "From", "Subject", "To", "Cc", "Date", "Reply-To", "Message-ID", "Content-Type",
    "List-Unsubscribe", "List-Unsubscribe-Post",
]  # fmt: skip

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{"), max_size=300)


def post(**changes: object) -> SingleContent:
    fields = {
        "html": "<p>Confirm</p>\n\n",
        "text": ".\nConfirm \n\n\n",
        "unsubscribe_url": "https://letters.example.org/unsubscribe/x",
    }
    return single(**(fields | changes))


ADA = Copy()


def issue(copy: Copy = ADA, keys: Keyring = KEYS, **changes: object) -> bytes:
    return compose.compile(letter(**changes), LINKS, keys).message(copy, DATE)


def dns(name: bytes, **_timeout: object) -> bytes | None:
    records = [key.record for key in (RSA, ED25519)]
    return next((r.value.encode() for r in records if f"{r.name}.".encode() == name), None)


def verdicts(message: bytes) -> list[bool]:
    """What dkimpy says of each signature."""
    count = len(email.message_from_bytes(message, policy=policy.compat32).get_all("DKIM-Signature", []))
    return [_stands(message, place) for place in range(count)]


def _stands(message: bytes, place: int) -> bool:
    try:
        return bool(dkimpy.DKIM(message).verify(place, dnsfunc=dns))
    except dkimpy.DKIMException:
        return False


def tags(message: bytes) -> list[dict[str, str]]:
    signatures = email.message_from_bytes(message, policy=policy.compat32).get_all("DKIM-Signature", [])
    pairs = [[tag.split("=", 1) for tag in "".join(signature.split()).split(";")] for signature in signatures]
    return [dict(signature) for signature in pairs]


@given(names, local_parts, texts, texts)
def test_whatever_a_copy_says_its_signatures_stand(name: str, local: str, subject: str, body: str) -> None:
    message = issue(Copy(name=name, address=f"{local}@example.org"), subject=subject, text=body, html=body)
    assert verdicts(message) == [True, True]


@given(names, texts, texts)
def test_whatever_a_single_letter_says_its_signatures_stand(name: str, subject: str, body: str) -> None:
    message = compose.transactional_message(post(name=name, subject=subject, text=body, html=body), DATE, KEYS)
    assert verdicts(message) == [True, True]


def test_an_address_beyond_ascii_is_signed_as_it_goes_out() -> None:
    assert verdicts(issue(Copy(address="zoë@example.org"))) == [True, True]


@given(st.data())
def test_no_octet_can_be_changed(data: st.DataObject) -> None:
    message = issue()
    place = data.draw(st.integers(message.index(b"From: "), len(message) - 1))
    other = b"%" if message[place : place + 1] == b"#" else b"#"
    assert verdicts(message[:place] + other + message[place + 1 :]) == [False, False]


@pytest.mark.parametrize("where", [b"From: ", b"To: ", b"Content-Type: multipart"])
def test_a_second_from_breaks_the_signatures(where: bytes) -> None:
    """Here dkimpy would mind of itself; Mail::DKIM, below, minds only because From was signed twice."""
    place = issue().index(where)
    head, rest = issue()[:place], issue()[place:]
    assert verdicts(head + b"From: eve@example.com\r\n" + rest) == [False, False]


def test_what_is_added_at_the_end_breaks_the_signatures() -> None:
    assert verdicts(issue() + b"<p>Buy this</p>\r\n") == [False, False]


def test_headers_folded_anew_on_the_way_are_the_same_headers() -> None:
    folded = issue().replace(b"\r\nSubject: Unwind, ", b"\r\nSUBJECT:\tUnwind,\r\n   ")
    assert verdicts(folded) == [True, True]


def test_spaces_that_a_server_may_take_away_do_not_count() -> None:
    head = b"From:  Ada   <desk@example.org>  \r\nSubject: \t Unwind  a\t back\r\n   now\r\n"
    message = signatures([RSA, ED25519], head, [b"Hello\r\n"], DATE) + head + b"\r\nHello\r\n"
    assert verdicts(message) == [True, True]
    assert verdicts(message.replace(head, b" ".join(head.split(b"  ")))) == [True, True]


def test_a_signature_covers_every_header_and_the_whole_body() -> None:
    signed = tags(issue())
    assert [(tag["a"], tag["s"]) for tag in signed] == [("rsa-sha256", "press"), ("ed25519-sha256", "press-ed25519")]
    for tag in signed:
        assert tag["h"].split(":") == HEADERS
        assert tag.keys() == {"v", "a", "c", "d", "s", "t", "h", "bh", "b"}
        assert (tag["v"], tag["c"], tag["d"]) == ("1", "relaxed/simple", "example.org")
        assert int(tag["t"]) == DATE.timestamp()


def test_no_line_of_a_signature_is_too_long() -> None:
    assert max(map(len, issue().split(b"\r\n"))) <= 998


@pytest.mark.parametrize("sender", ["desk@news.example.org", "desk@example.com", "desk@org"])
def test_a_sender_whose_very_domain_has_no_key_goes_unsigned(sender: str) -> None:
    assert issue(sender_address=sender) == issue(sender_address=sender, keys=dkim_keys.NO_KEYS)
    assert not tags(compose.transactional_message(post(sender_address=sender), DATE, KEYS))


def test_letter_case_makes_no_other_domain() -> None:
    assert verdicts(issue(sender_address="desk@Example.ORG")) == [True, True]


def test_a_signature_is_all_that_signing_adds() -> None:
    unsigned = issue(keys=dkim_keys.NO_KEYS)
    assert issue().endswith(unsigned)
    assert re.fullmatch(rb"(DKIM-Signature: [^:]+;\r\n h=[\w:-]+;\r\n [^:]+\r\n){2}", issue().removesuffix(unsigned))


def test_mail_dkim_takes_what_we_signed_and_refuses_what_was_changed(mail_dkim: str, tmp_path: Path) -> None:
    messages = {
        "issue": issue(),
        "odd": issue(Copy(name="Zoë “O'Hara”  <x>" * 4), subject="Ünwind " * 30, text="\n.\n \n=\n\n\n"),
        "single": compose.transactional_message(post(), DATE, KEYS),
        "changed": issue().replace(b"Hello", b"Hallo", 1),
        "renamed": issue().replace(b"Feedback-ID: 1", b"Feedback-ID: 2"),
        "second": b"From: eve@example.com\r\n" + issue(),
    }
    for name, message in messages.items():
        (tmp_path / name).write_bytes(message)
    zone = tmp_path / "zone"
    zone.write_text(f"{RSA.record.zone_line}\n{ED25519.record.zone_line}\n")
    script = Path(__file__).with_name("verify_dkim.pl")
    said = subprocess.run(
        [mail_dkim, script, zone, *(tmp_path / name for name in messages)], capture_output=True, text=True, check=True
    )
    by_rsa = [line.split()[0] for line in said.stdout.splitlines()]
    assert by_rsa == ["press=pass"] * 3 + ["press=fail"] * 3, said


def test_the_transactional_mailer_signs(
    sessions, publication, honest_server: MailServer, mailbox: Mailbox, clock
) -> None:
    clock.now = DATE
    with sessions.begin() as session:
        composed = Composed("confirm", "Please confirm – è", "<p>" + "Confirm " * 300 + "</p>", ".\n\nConfirm")
        outbox.post(session, publication, Addressee("reader@example.org", "Ada"), composed, DATE)
    room = TransactionalMailer(sessions, MailerSettings(honest_server, KEYS, timeout=60), worker="w", clock=clock)
    assert room.deliver_due() == 1
    room.close()
    [(_, _, content)] = mailbox.taken
    assert verdicts(content) == [True, True]


def test_the_transactional_mailer_signs_a_message_that_is_composed_already_and_changes_nothing_else(
    sessions, publication, honest_server: MailServer, mailbox: Mailbox, clock
) -> None:
    clock.now = DATE
    whole = issue(keys=dkim_keys.NO_KEYS, subject="[Test] Unwind")
    with sessions.begin() as session:
        post_id = outbox.post(session, publication, Addressee("ed@example.org"), Composed("test", "", "", ""), DATE)
        session.get_one(OutboxMessage, post_id).message = whole
    room = TransactionalMailer(sessions, MailerSettings(honest_server, KEYS, timeout=60), worker="w", clock=clock)
    assert room.deliver_due() == 1
    room.close()
    [(_, recipient, content)] = mailbox.taken
    assert recipient == "ed@example.org"
    assert content.endswith(whole)
    assert verdicts(content) == [True, True]


def test_the_bulk_sender_signs(honest_server: MailServer, mailbox: Mailbox, running, press, clock) -> None:
    clock.now = DATE
    running([f"reader{number}@example.org" for number in range(5)], at=DATE)
    press(honest_server, keyring=KEYS).run_once()
    assert [verdicts(content) for _, _, content in mailbox.taken] == [[True, True]] * 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "dkim"


def kept(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_key_is_its_owners_alone_and_signs_what_its_domain_sends(folder: Path) -> None:
    path = dkim_keys.create_key(folder, "Straße.example", "press")
    assert (kept(path), kept(folder)) == (0o600, 0o700)
    keys = Keyring.load(folder, ["press"])
    [key] = keys.for_address("info@xn--strae-oqa.example")
    assert (key.domain, key.selector, key.algorithm) == ("xn--strae-oqa.example", "press", "rsa-sha256")
    assert not keys.for_address("info@example.org")


def test_a_sender_s_domain_is_signed_for_by_its_letters_and_by_its_a_label(folder: Path) -> None:
    dkim_keys.create_key(folder, "bücher.example", "press")
    keys = Keyring.load(folder, ["press"])
    for sender in ("desk@bücher.example", "desk@xn--bcher-kva.example", "desk@BÜCHER.example"):
        assert [key.domain for key in keys.for_address(sender)] == ["xn--bcher-kva.example"]


def test_a_key_is_never_written_over(folder: Path) -> None:
    before = dkim_keys.create_key(folder, "example.org", "press").read_bytes()
    with pytest.raises(Conflict, match="already exists"):
        dkim_keys.create_key(folder, "example.org", "press", ed25519=True)
    assert (folder / "example.org.press.pem").read_bytes() == before


def test_keys_sign_in_the_order_of_their_selectors_and_the_others_wait(folder: Path) -> None:
    for selector in ("a", "b", "c"):
        dkim_keys.create_key(folder, "example.org", selector, ed25519=True)
    keys = Keyring.load(folder, ["c", "none", "a"])
    assert [key.selector for key in keys.for_address("desk@example.org")] == ["c", "a"]


def test_where_there_is_no_folder_there_are_no_keys(folder: Path) -> None:
    assert Keyring.load(folder, ["press"]) == dkim_keys.NO_KEYS


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_get_at_is_refused_with_what_to_type(folder: Path, mode: int) -> None:
    path = dkim_keys.create_key(folder, "example.org", "press", ed25519=True)
    path.chmod(mode)
    with pytest.raises(Refused, match=f"chmod 600 {path}"):
        Keyring.load(folder, ["press"])


def _no_pem() -> bytes:
    return b"v=DKIM1"


def _locked() -> bytes:
    return RSA.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"sesame"))


def _of_another_kind() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _too_short() -> bytes:
    """610 bits, from two Mersenne primes: such a key is not to be made in the ordinary way."""
    p, q, e = 2**521 - 1, 2**89 - 1, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    key = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("content", [bytes, _no_pem, _locked, _of_another_kind, _too_short])
def test_what_is_no_key_is_refused_by_its_name(folder: Path, content: Callable[[], bytes]) -> None:
    path = dkim_keys.create_key(folder, "example.org", "press", ed25519=True)
    path.write_bytes(content())
    with pytest.raises(Invalid, match=f"^{path}"):
        Keyring.load(folder, ["press"])


def test_a_key_whose_file_is_misnamed_is_not_passed_over(folder: Path) -> None:
    dkim_keys.create_key(folder, "example.org", "press", ed25519=True).rename(folder / "private.pem")
    with pytest.raises(Invalid, match=r"example\.org\.press\.pem"):
        Keyring.load(folder, ["press"])


@pytest.mark.parametrize("domain", ["", "org", "a b.example", "../x.example", "a@b.example", "x." * 100 + "example"])
def test_what_is_no_domain_gets_no_key(folder: Path, domain: str) -> None:
    with pytest.raises(Invalid):
        dkim_keys.create_key(folder, domain, "press")
    assert not folder.exists()


@pytest.mark.parametrize("selector", ["", "a.b", "../a", "A", "-a", "a" * 64])
def test_what_is_no_selector_gets_no_key(folder: Path, selector: str) -> None:
    with pytest.raises(Invalid, match="selector"):
        dkim_keys.create_key(folder, "example.org", selector)


def test_the_strings_of_a_record_are_short_enough_and_lose_nothing() -> None:
    strings = re.findall(r'"(.*?)"', RSA.record.zone_line)
    assert max(map(len, strings)) <= 255
    assert "".join(strings) == RSA.record.value
    assert RSA.record.zone_line.startswith("press._domainkey.example.org. IN TXT ")


def test_a_second_one_of_what_readers_see_or_trust_breaks_every_signature() -> None:
    added = ("Subject", "To", "Cc", "Date", "Reply-To", "Message-ID", "Content-Type")
    for name in (*added, "List-Unsubscribe", "List-Unsubscribe-Post"):
        signed = re.search(rb"h=([\w:-]+);", issue())
        present = re.findall(rb"(?im)^%b:" % name.encode(), issue().partition(b"\r\n\r\n")[0])
        assert signed
        assert signed[1].decode().split(":").count(name) == len(present) + 1, name


def test_a_selector_that_somebody_named_and_that_has_no_key_stops_the_start(tmp_path: Path) -> None:
    assert Keyring.load(tmp_path, ["press"]).keys == {}
    with pytest.raises(Refused, match="there is no key “2027”"):
        Keyring.load(tmp_path, ["2027"], must_be_there=True)
