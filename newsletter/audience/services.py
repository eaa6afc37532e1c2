"""The audience's configuration: links, templates of mails, limits, and what is stored of client addresses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from newsletter.delivery.transactional.outbox import Composed
from newsletter.links import Links
from newsletter.publications import Publication


class Compose(Protocol):
    """Renders a transactional mail from its kind, its publication and its field values."""

    def __call__(
        self, kind: str, publication: Publication, fields: Mapping[str, str], language: str | None = None
    ) -> Composed:
        """The mail, in the language that its reader chose, or else in that of the publication."""
        ...


@dataclass(frozen=True, slots=True)
class SignupCaps:
    """How many sign-ups are answered with a confirm letter: for a mailbox a day, a domain an hour, a client an hour.

    Also for a mailbox within 30 days if nobody confirms, and in an hour for the whole installation.
    """

    address: int
    domain: int
    client: int
    month: int = 5
    in_all: int = 2_000


@dataclass(frozen=True, slots=True)
class AudienceServices:
    """What the audience's functions need besides the database, made once from the settings."""

    links: Links
    compose: Compose
    caps: SignupCaps
    origin_policy: Literal["truncated", "full", "hashed", "none"]
    origin_key: bytes
