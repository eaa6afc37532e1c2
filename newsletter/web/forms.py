"""What readers type, parsed once at the border."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from newsletter.audience.address import Address, clean_name
from newsletter.errors import Invalid

TRAP = "message"
"""A field that no person sees; browsers do not fill it by themselves, and robots do."""


@dataclass(frozen=True, slots=True)
class SignUp:
    """The sign-up form as it came, for it is shown again as it was typed."""

    email: str = ""
    name: str = ""
    publication: str | None = None
    agreed: int | None = None
    """The version of the words that stood beside the button; None where the page told none."""
    is_trapped: bool = False

    @classmethod
    def parse(cls, form: Mapping[str, str]) -> Self:
        """The form from its fields; absent ones are empty."""
        return cls(
            email=form.get("email", ""),
            name=form.get("name", ""),
            publication=form.get("publication", "").replace("\0", "") or None,
            agreed=version(form),
            is_trapped=bool(form.get(TRAP)),
        )

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
