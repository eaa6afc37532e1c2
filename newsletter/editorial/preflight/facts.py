"""Facts for the rules that the text does not contain: publication, picture sizes, link checks, spam verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from newsletter.links import Links
from newsletter.outbound import Answer
from newsletter.publications import Publication, contact

_HIGH = 1_000_000
"""The longest id to expect in a link."""


@dataclass(frozen=True, slots=True)
class PictureSize:
    """The size of a stored picture, in pixels and bytes."""

    width: int
    height: int
    bytes: int
    is_developed: bool = True
    """Whether it was processed; if not, its metadata is sent with it."""


@dataclass(frozen=True, slots=True)
class SpamVerdict:
    """The spam filter's score, threshold and matched tests; or, in `fault`, why there is none."""

    score: float | None = None
    threshold: float | None = None
    tests: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about an issue beyond its text. None means unknown, and then no rule says anything about it."""

    language: str = "en"
    own_hosts: frozenset[str] = frozenset()
    """The hosts of the publication itself."""
    has_postal_address: bool = True
    sender_address: str = ""
    """The address that the publication sends from; empty if unknown."""
    counted_link: str = ""
    """The longest redirect URL that replaces an outside link if clicks are counted; empty if they are not."""
    same_subject: str | None = None
    """The title of another issue of this publication with that subject."""
    pages: frozenset[str] = frozenset()
    """The paths of our own pages that an issue may link to without an address."""
    archive: str = ""
    """The URL of the archive; each issue has a page below it."""
    issues: Mapping[str, bool] | None = field(default=None, hash=False)
    """Whether each linked issue is published, by slug; issues that do not exist are missing."""
    pictures: Mapping[str, PictureSize] = field(default_factory=dict, hash=False)
    links_asked: bool | None = None
    """Whether links may be checked (LINK_CHECKS)."""
    answers: Mapping[str, Answer] = field(default_factory=dict, hash=False)
    """The last result of each link check, by URL."""
    spam: SpamVerdict | None = None

    @classmethod
    def for_publication(cls, publication: Publication, links: Links) -> Self:
        """The facts that the publication alone gives."""
        addresses = (links.home(), publication.booking_url, publication.ask_url)
        hosts = {urlsplit(address).hostname for address in addresses if address}
        hosts.add(publication.sender_address.partition("@")[2])
        return cls(
            language=publication.language,
            own_hosts=frozenset(host.lower() for host in hosts if host),
            has_postal_address=bool(publication.postal_address.strip()),
            sender_address=publication.sender_address,
            pages=frozenset(path for path, _ in contact.pages(publication, links.base_url)),
            archive=links.archive(),
            counted_link=links.click(_HIGH, _HIGH) if publication.counts_clicks else "",
        )

    def is_own(self, host: str) -> bool:
        """Whether a host is one of the publication's own, or a subdomain of one."""
        return any(host == own or host.endswith(f".{own}") for own in self.own_hosts)
