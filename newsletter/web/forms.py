"""The sign-up form, and what every form carries that anybody may send, parsed."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self
from urllib.parse import urlsplit

from newsletter.addresses import mailboxes
from newsletter.audience.address import Address
from newsletter.characters import as_line, clean_name, storable
from newsletter.errors import Invalid
from newsletter.links import Links

SHOWN = "shown"
"""A field with the sealed time at which the form was shown."""
TRAP = "message"
"""A hidden field that browsers leave empty, and robots fill in."""
QUICKEST = timedelta(seconds=2)
"""No person fills in a form faster than that, but robots do."""
_OLDEST = timedelta(days=30)
"""A page may stay open or cached for days; an older form is replayed by a robot."""
WAIT = timedelta(seconds=30)
"""How long somebody waits while a form is sent unusually often."""
_WAIT_IS_GOOD_FOR = timedelta(minutes=30)
_LONGEST_SOURCE = 100


@dataclass(frozen=True, slots=True)
class FormGuard:
    """The fields of a submitted form by which bots are told from people."""

    is_trapped: bool = False
    form_time: str = ""
    """Proof of when the form was shown."""
    waited: str = ""
    """Proof of since when the person waits."""
    proof: str = ""
    """What the browser computed (`proof_of_work`)."""

    @classmethod
    def parse(cls, form: Mapping[str, str]) -> Self:
        """The fields; missing ones are empty."""
        return cls(bool(form.get(TRAP)), form.get(SHOWN, ""), form.get("waited", ""), form.get("proof", ""))

    def took_long_enough(self, links: Links, now: datetime) -> bool:
        """Whether it was sent as long after it was shown as a person needs; False without proof."""
        try:
            return QUICKEST <= now - links.open_form_time(self.form_time) <= _OLDEST
        except Invalid:
            return False

    def waiting_time(self, links: Links, email: str, now: datetime) -> timedelta | None:
        """How long the person has waited, for this very address; None without proof, or if it was too long ago."""
        try:
            waited = now - links.open_waiting(self.waited, email)
        except Invalid:
            return None
        return waited if waited <= _WAIT_IS_GOOD_FOR else None


@dataclass(frozen=True, slots=True)
class SignUpForm:
    """A submitted sign-up form, as typed, so that it can be shown again."""

    email: str = ""
    name: str = ""
    publication: str | None = None
    agreed: int | None = None
    """The version of the consent wording beside the button; None if the page gave none."""
    guard: FormGuard = field(default_factory=FormGuard)
    is_checked: bool = False
    """Whether the person has looked at the address again."""
    source: str = ""
    """Where the form was, if not on our own pages: what its page says, which anybody can invent."""

    @classmethod
    def parse(cls, form: Mapping[str, str]) -> Self:
        """The form from its fields; missing ones are empty."""
        return cls(
            email=form.get("email", ""),
            name=form.get("name", ""),
            publication=storable(form.get("publication", "")) or None,
            agreed=version(form),
            guard=FormGuard.parse(form),
            is_checked=bool(form.get("checked")),
            source=as_source(form.get("source", "")),
        )

    def has_domain_of(self, domains: Collection[str]) -> bool:
        """Whether the address is of one of these domains, or of a subdomain of one."""
        labels = mailboxes.host_of(self.email.strip().rpartition("@")[2]).split(".")
        return any(".".join(labels[place:]) in domains for place in range(len(labels)))

    def faults(self) -> dict[str, str]:
        """For each invalid field, a sentence that says how to correct it."""
        faults = {"email": fault_of(Address.parse, self.email), "name": fault_of(clean_name, self.name)}
        return {field: sentence for field, sentence in faults.items() if sentence}


def as_source(text: str) -> str:
    """What a page says of itself as one short line of plain text."""
    return as_line(text)[:_LONGEST_SOURCE].strip()


def site_of(url: str | None) -> str:
    """The host of an Origin or Referer header; empty if it has none."""
    try:
        return as_source(urlsplit(url or "").hostname or "")
    except ValueError:
        return ""


def version(form: Mapping[str, str]) -> int | None:
    """The version of the consent wording that a form showed."""
    number = form.get("agreed", "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None


def fault_of(parse: Callable[[str], object], text: str) -> str:
    """The sentence that says how to correct a field; empty if it can be parsed."""
    try:
        parse(text)
    except Invalid as error:
        return str(error)
    return ""
