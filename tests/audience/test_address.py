import sys
import unicodedata

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.addresses import mailboxes
from newsletter.audience import address
from newsletter.audience.address import Address
from newsletter.characters import MAX_NAME, clean_name
from newsletter.errors import Invalid


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  ada@example.org\n", "ada@example.org"),
        ("mailto:ada@example.org", "ada@example.org"),
        ("MAILTO: ada@example.org", "ada@example.org"),
        ("Ada.L+list@EXAMPLE.org", "Ada.L+list@example.org"),
        ("o'brien@example.org", "o'brien@example.org"),
        ("ada@letters.test", "ada@letters.test"),
        ("ada@press.example", "ada@press.example"),
        ("ада@почта.example", "ада@почта.example"),
        ("POSTMASTER@example.org", "postmaster@example.org"),
    ],
)
def test_an_address_is_read_as_people_give_it(text: str, email: str) -> None:
    assert Address.parse(text).email == email


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("mailto:", "it is empty"),
        ("ada", "the @ is missing"),
        ("ada@", "something after the @"),
        ("@example.org", "something before the @"),
        ("ada@example", "a period"),
        ("ada@test", "a dot"),
        ("ada@localhost", "a period"),
        ("ada@mail.localhost", "reserved"),
        ("ada@mail.invalid", "reserved"),
        ("ada lovelace@example.org", "SPACE"),
        ("ada@example.org\nBcc: eve@example.org", "invalid"),
        ("ada@example.org\0", "invalid"),
        ("Ada <ada@example.org>", "display name"),
        ('"ada"@[192.0.2.1]', "."),
        (f"{'a' * 65}@example.org", "too long"),
        (f"ada@{'a.' * 125}org", "too long"),
        ("a" * 100_000 + "@example.org", "too long"),
        (f"{'İ' * 20}@{'ü.' * 28}example", "too long"),
    ],
)
def test_a_malformed_address_is_refused_with_a_sentence(text: str, reason: str) -> None:
    with pytest.raises(Invalid, match=r"^Please give an address like name@example\.org: ") as refusal:
        Address.parse(text)
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("straße@example.org", "strasse@example.org"),
        ("club@gaße.example", "club@gasse.example"),
        ("σοφός@example.org", "σοφόσ@example.org"),
        ("\ufb01sh@example.org", "fish@example.org"),
        ("\uff41da@example.org", "ada@example.org"),
        ("x\u00b2@example.org", "x2@example.org"),
        ("\u0131p@example.org", "ip@example.org"),
        ("\u0130p@example.org", "ip@example.org"),
        ("\u017fam@example.org", "sam@example.org"),
        ("Ada.L@example.org", "AdaL@example.org"),
        ("ada+news@example.org", "ada@example.org"),
    ],
)
def test_what_servers_may_keep_as_two_mailboxes_has_two_keys(one: str, other: str) -> None:
    assert Address.parse(one).key != Address.parse(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Bücher.example", "ada@xn--bcher-kva.EXAMPLE"),
        ("ada@GAẞE.example", "ada@xn--gae-6ka.example"),
        ("STRAẞE@example.org", "straße@example.org"),
        ("ΣΟΦΌΣ@example.org", "σοφός@example.org"),
        ("\u0130p@example.org", "i\u0307p@example.org"),
        ("\u212aim@example.org", "kim@example.org"),  # the Kelvin sign is canonically a K
        ("ze\u0301@example.org", "zé@example.org"),
        ("ada@bu\u0308cher\uff0eexample", "ada@bücher.example"),
    ],
)
def test_letter_case_composition_and_labels_make_no_other_mailbox(one: str, other: str) -> None:
    assert Address.parse(one).key == Address.parse(other).key


@given(st.text() | st.emails())
def test_what_has_one_key_had_one_folded_key_so_no_two_readers_collide(text: str) -> None:
    try:
        address = Address.parse(text)
    except Invalid:
        return
    assert mailboxes.mailbox_key(address.key) == address.key
    assert mailboxes.legacy_mailbox_key(address.key) == address.email.casefold()


def test_no_letter_is_lowered_into_what_folds_otherwise() -> None:
    every = (chr(number) for number in range(sys.maxunicode) if not 0xD800 <= number < 0xE000)
    assert [each for each in every if each.lower().casefold() != each.casefold()] == []


def test_a_masked_address_gives_only_its_first_letter_and_domain() -> None:
    address = Address.parse("Ada.Lovelace@Example.org")
    assert address.masked == "A…@example.org"
    assert address.domain == "example.org"


@given(st.text() | st.emails() | st.from_regex(r"[\w.+'-]{1,70}@[\w.-]{1,70}", fullmatch=True))
def test_whatever_is_typed_becomes_an_address_that_fits_or_a_refusal(text: str) -> None:
    try:
        address = Address.parse(text)
    except Invalid:
        return
    assert len(address.email.encode()) <= 254
    assert len(address.key) <= 254
    assert not any(unicodedata.category(character).startswith(("C", "Z")) for character in address.email)
    assert Address.parse(address.email) == address


def texts(alphabet: str, *sizes: int) -> st.SearchStrategy[str]:
    """Short ones, and ones around these sizes."""
    lengths = st.integers(0, 6) | st.sampled_from([size + off for size in sizes for off in (-1, 0, 1)])
    return lengths.flatmap(lambda length: st.text(alphabet, min_size=length, max_size=length))


LOCAL_PARTS = (
    texts("aZ9._+-'", 64)
    | texts("az.", 64)
    | st.sampled_from(CASE_INSENSITIVE_MAILBOX_NAMES).flatmap(
        lambda n: st.sampled_from([n, n.title(), f"{n}s", f"x.{n}"])
    )
    | st.text(max_size=5)
)
LABELS = (
    texts("aZ9-", 63)
    | texts("az", 63)
    | st.sampled_from(
        [*SPECIAL_USE_DOMAIN_NAMES, "TEST", "Local", "xlocal", "xn--bcher-kva", "XN--A", "ab--c", "xn", "org"]
    )
    | st.text("aß٠-．\u212a\u0130\u200d", max_size=4)
)
ADDRESSES = st.builds(
    lambda local_part, labels, end: f"{local_part}@{'.'.join(labels)}{end}",
    LOCAL_PARTS,
    st.lists(LABELS, min_size=1, max_size=5),
    st.sampled_from(["", "", "", ".org", ".c0m", ".123", ".o", ".", "\n", ".\u212aing", f".{'a' * 64}"]),
)


@settings(max_examples=10 * settings.default.max_examples)
@given(ADDRESSES | st.from_regex(r"[a-z.]{1,3}@([a-z0-9]{1,62}\.){3,5}[a-z]{1,64}", fullmatch=True) | st.text())
def test_the_short_cut_for_plain_addresses_says_what_the_validator_says(text: str) -> None:
    try:
        expected = validate_email(text.strip(), strict=True, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        expected = None
    try:
        parsed = Address.parse(text)
    except Invalid:
        assert expected is None or "." not in expected.domain
    else:
        assert expected is not None
        assert (parsed.email, parsed.key) == (
            expected.normalized,
            f"{expected.local_part.lower()}@{expected.ascii_domain}",
        )


@pytest.mark.parametrize(
    "plain",
    [
        "ada@example.org",
        "Ada.Love-lace_1+news@Mail-2.Example.CO.uk",
        "o'brien@example.org",
        f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 57}.org",
    ],
)
def test_a_plain_address_takes_the_short_cut(monkeypatch: pytest.MonkeyPatch, plain: str) -> None:
    monkeypatch.setattr(address, "validate_email", None)
    assert Address.parse(plain).key == plain.lower()


@pytest.mark.parametrize(
    "special",
    [
        "Info@example.org",
        "ada@mail.local",
        "ada@letters.test",
        "ada@xn--bcher-kva.example",
        "ada@ab--c.example",
        "ada@example.c0m",
        "ada..l@example.org",
        "ada@-example.org",
        "ada@exam\u212ale.org",
        f"{'a' * 65}@example.org",
        f"ada@{'b' * 64}.example",
        f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 58}.org",
    ],
)
def test_whatever_is_special_is_left_to_the_validator(monkeypatch: pytest.MonkeyPatch, special: str) -> None:
    monkeypatch.setattr(address, "validate_email", None)
    with pytest.raises(TypeError):
        Address.parse(special)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Ada   Lovelace ", "Ada Lovelace"),
        ("", ""),
        ("Zoe\u0308", "Zoë"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("Ada\u00a0Lovelace", "Ada Lovelace"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_a_name_is_kept_as_its_owner_writes_it(text: str, name: str) -> None:
    assert clean_name(text) == name


@pytest.mark.parametrize(
    "text", ["Ada\r\nBcc: eve@example.org", "Ada\nLovelace", "Ada\0", "Ada\u2028L", "\ud800", "\u202egnp.exe", "a\x1bb"]
)
def test_a_name_with_a_line_break_or_control_character_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="in one line"):
        clean_name(text)


def test_a_name_that_is_too_long_is_refused_with_its_length() -> None:
    assert clean_name("a" * MAX_NAME)
    with pytest.raises(Invalid, match=r"shorten the name: it has 101 characters; the limit is 100"):
        clean_name("a" * (MAX_NAME + 1))


@given(st.text(max_size=150))
def test_a_name_that_passes_stays_as_it_is_and_fits_into_a_header(text: str) -> None:
    try:
        name = clean_name(text)
    except Invalid:
        return
    assert clean_name(name) == name
    assert len(name) <= MAX_NAME
    assert name.splitlines() in ([], [name])
