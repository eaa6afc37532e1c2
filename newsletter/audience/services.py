"""Practice: how this press deals with its readers; made once at the edge, handed to every journey."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from newsletter.delivery.transactional.outbox import Composed
from newsletter.links import Links
from newsletter.publications import Publication

Compose = Callable[[str, Publication, Mapping[str, str]], Composed]
"""From a letter's kind, its publication and its field values to the words that are sent."""


@dataclass(frozen=True, slots=True)
class SignupCaps:
    """How many sign-ups are answered with a letter: for a mailbox a day, a domain an hour, a client an hour.

    And for a mailbox within 30 days, if nobody confirms, and for everybody together in an hour.
    """

    address: int
    domain: int
    client: int
    month: int = 5
    press: int = 2_000


@dataclass(frozen=True, slots=True)
class AudienceServices:
    """The links, letters and limits of this press, and what it keeps of where a request came from."""

    links: Links
    compose: Compose
    caps: SignupCaps
    origin_policy: Literal["truncated", "hashed", "none"]
    origin_key: bytes
