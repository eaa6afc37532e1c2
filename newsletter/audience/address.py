"""Email addresses, parsed and validated once, where they enter the system."""

import re
from dataclasses import dataclass
from typing import Self

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

from newsletter import characters
from newsletter.addresses import mailboxes
from newsletter.errors import Invalid
from newsletter.i18n.messages import Message, in_english, lazy_gettext

MAX_KEY = 254
# Far beyond any address (RFC 5321 allows 254 octets), and short enough to be checked at once.
_MAX_INPUT = 1_000
# What an input method for Chinese or Japanese types for an @.
_WIDE_AT = str.maketrans("＠﹫", "@@")

# Most addresses are plain: nothing to decode, no reserved name, all within the limits. This pattern accepts those, in
# lower case, without the validator, which takes twenty times as long. All others go to the validator.
_PLAIN = re.compile(
    rf"""
    (?!(?:{"|".join(CASE_INSENSITIVE_MAILBOX_NAMES)})@) (?![^@]{{65}})
    [a-z0-9_'+-]++ (?:\.[a-z0-9_'+-]++)*+ @
    (?:(?![a-z0-9-]{{64}}) [a-z0-9]++(?:-[a-z0-9]++)*+ \.)++  # no two hyphens together, so no Punycode
    [a-z]{{2,63}}+ {"".join(f"(?<![@.]{re.escape(name)})" for name in SPECIAL_USE_DOMAIN_NAMES)}
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Address:
    """An address that mail can be sent to; `key` is the same for every spelling of it (`mailboxes.mailbox_key`)."""

    email: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an address (RFC 5321, 6531); Invalid with a sentence for the person who typed it."""
        bare = text.strip()
        key = bare.lower()
        if bare.isascii() and len(bare) <= MAX_KEY and _PLAIN.fullmatch(key):
            at = key.index("@")
            return cls(key if bare == key else bare[:at] + key[at:], key)
        email = _normalized(characters.trimmed(bare))
        key = mailboxes.mailbox_key(email)
        # Lower case and A-labels can be longer than the original, and the key has to fit its column.
        if len(key) > MAX_KEY:
            raise _not_an_address(lazy_gettext("it is too long"))
        return cls(email, key)

    @property
    def domain(self) -> str:
        """The part after the @, as an A-label."""
        return self.key.rpartition("@")[2]

    @property
    def masked(self) -> str:
        """The address for logs: the first character and the domain."""
        return f"{self.email[0]}…@{self.domain}"


def _normalized(text: str) -> str:
    bare = text[len("mailto:") :].lstrip() if text[:7].lower() == "mailto:" else text
    if not bare:
        raise _not_an_address(lazy_gettext("it is empty"))
    if len(bare) > _MAX_INPUT:
        raise _not_an_address(lazy_gettext("it is too long"))
    bare = bare.translate(_WIDE_AT)
    try:
        # `test_environment` lets .test through (RFC 6761); .localhost and .invalid stay out.
        checked = validate_email(bare, strict=True, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise _not_an_address(_reason(bare, error)) from None
    if "." not in checked.domain:
        raise _not_an_address(lazy_gettext("a dot is missing after the @"))
    return checked.normalized


def _reason(text: str, error: EmailNotValidError) -> Message:
    if "@" not in text:
        return lazy_gettext("the @ is missing")
    sentence = str(error).rstrip(".")
    # The library has it in English only.
    return in_english(sentence[0].lower() + sentence[1:], lazy_gettext("it does not have the form of an email address"))


def _not_an_address(reason: Message) -> Invalid:
    return Invalid(lazy_gettext("Please give an address like name@example.org: %(reason)s", reason=reason))
