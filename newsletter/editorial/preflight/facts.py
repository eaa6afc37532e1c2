"""What is known beside the text: of the publication, the pictures, the links and the spam filter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from newsletter.links import Links
from newsletter.outbound import Answer
from newsletter.publications import Publication

_HIGH = 1_000_000
"""A number as long as they get."""


@dataclass(frozen=True, slots=True)
class PictureSize:
    """A kept picture: pixels and bytes."""

    width: int
    height: int
    bytes: int
    is_developed: bool = True
    """Whether it is bare pixels; else whatever the file says goes out with it."""


@dataclass(frozen=True, slots=True)
class SpamVerdict:
    """What the spam filter said: points, how many are spam, and for what; or why it said nothing."""

    score: float | None = None
    threshold: float | None = None
    tests: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about an issue that its text does not hold. None: that was not looked into, and nothing is said of it."""

    language: str = "en"
    own_hosts: frozenset[str] = frozenset()
    """Where the publication itself is found."""
    has_postal_address: bool = True
    sender_address: str = ""
    """The publication's own; empty where that is not known."""
    counted_link: str = ""
    """What every outside link becomes when the issue is scheduled, if clicks are counted; empty if they are not."""
    same_subject: str | None = None
    """The title of another issue of this publication with that subject."""
    archive: str = ""
    """Where the archive begins; each issue has a page below it."""
    issues: Mapping[str, bool] | None = field(default=None, hash=False)
    """Of the issues linked to, by slug, whether they are out; those that do not exist are missing."""
    pictures: Mapping[str, PictureSize] = field(default_factory=dict, hash=False)
    links_asked: bool | None = None
    """Whether links may be asked at all."""
    answers: Mapping[str, Answer] = field(default_factory=dict, hash=False)
    """By address, what it answered when it was last asked."""
    spam: SpamVerdict | None = None

    @classmethod
    def of(cls, publication: Publication, links: Links) -> Self:
        """What the publication itself tells."""
        addresses = (links.home(), publication.booking_url, publication.ask_url)
        hosts = {urlsplit(address).hostname for address in addresses if address}
        hosts.add(publication.sender_address.partition("@")[2])
        return cls(
            language=publication.language,
            own_hosts=frozenset(host.lower() for host in hosts if host),
            has_postal_address=bool(publication.postal_address.strip()),
            sender_address=publication.sender_address,
            archive=links.archive(),
            counted_link=links.click(_HIGH, _HIGH) if publication.counts_clicks else "",
        )

    def is_own(self, host: str) -> bool:
        """Whether a host is the publication's own, or below it."""
        return any(host == own or host.endswith(f".{own}") for own in self.own_hosts)
