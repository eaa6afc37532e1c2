"""What readers type, parsed once at the border."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from newsletter.audience.address import Address, clean_name
from newsletter.errors import Invalid
from newsletter.links import Links

SHOWN = "shown"
"""A field with the sealed moment at which the form was shown."""
QUICKEST = timedelta(seconds=2)
"""No person reads a form and fills it in so fast, and a robot that posts without looking does."""
OLDEST = timedelta(days=30)
"""A page may stay open, or in a cache, for days; what is older was kept by a robot to be used again and again."""
TRAP = "message"
"""A field that no person sees; browsers do not fill it by themselves, and robots do."""


@dataclass(frozen=True, slots=True)
class SignUpForm:
    """The sign-up form as it came, for it is shown again as it was typed."""

    email: str = ""
    name: str = ""
    publication: str | None = None
    agreed: int | None = None
    """The version of the words that stood beside the button; None where the page told none."""
    is_trapped: bool = False
    shown: str = ""
    """Proof of when the form was shown."""

    @classmethod
    def parse(cls, form: Mapping[str, str]) -> Self:
        """The form from its fields; absent ones are empty."""
        return cls(
            email=form.get("email", ""),
            name=form.get("name", ""),
            publication=form.get("publication", "").replace("\0", "") or None,
            agreed=version(form),
            is_trapped=bool(form.get(TRAP)),
            shown=form.get(SHOWN, ""),
        )

    def took_its_time(self, links: Links, now: datetime) -> bool:
        """Whether it was sent as long after it was shown as a person needs; False where nothing proves it."""
        try:
            return QUICKEST <= now - links.open_form_time(self.shown) <= OLDEST
        except Invalid:
            return False

    def faults(self) -> dict[str, str]:
        """For each field that is wrong, a sentence that says how to mend it."""
        faults = {"email": _fault(Address.parse, self.email), "name": _fault(clean_name, self.name)}
        return {field: sentence for field, sentence in faults.items() if sentence}


def version(form: Mapping[str, str]) -> int | None:
    """Which version of the words beside its button a form shows."""
    number = form.get("agreed", "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None


def _fault(parse: Callable[[str], object], text: str) -> str:
    try:
        parse(text)
    except Invalid as error:
        return str(error)
    return ""
