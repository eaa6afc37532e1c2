"""Branding: what every mail shows of its publication, such as name, logo, address and social links."""

from dataclasses import dataclass
from typing import Self

from newsletter.i18n.locales import text_direction
from newsletter.links import Links
from newsletter.publications import CommentPolicy, Publication, contact


@dataclass(frozen=True, slots=True)
class Link:
    """A named URL: a social link, or an issue to read."""

    name: str
    url: str


_LEAST_FONT = 12
_WIDTH_OF_A_LETTER = 0.66
"""In parts of the font size, in the widest of the usual bold serifs."""
_LOGO_WIDTH = 331
"""Pixels of the column beside “Read in browser”."""


@dataclass(frozen=True, slots=True)
class Branding:
    """What rendering needs to know of a publication; URLs are absolute, and empty where there is none."""

    name: str
    tagline: str
    language: str
    """A language tag (BCP 47), for the `lang` of the mail."""
    postal_address: str
    site_url: str
    sender_name: str = ""
    booking_url: str = ""
    ask_url: str = ""
    pages: tuple[tuple[str, str], ...] = ()
    """Those of our pages that an issue may link to by their path alone, each with its URL."""
    takes_comments: bool = False
    """Whether an issue leads to its comments."""
    has_series: bool = False
    """Whether new readers get the welcome series."""
    follow: tuple[Link, ...] = ()
    accent: str = ""
    """The colour of links and buttons, as `#rrggbb`, and below it the one for dark mode; empty for the default."""
    accent_dark: str = ""
    logo_url: str = ""
    logo_box: tuple[int, int] | None = None
    """The width and height in which the logo is shown; None if there is none."""

    @classmethod
    def for_publication(cls, publication: Publication, links: Links, language: str = "") -> Self:
        """The branding of a publication whose site is at `links`, in its own language if no other is given."""
        return cls(
            name=publication.name,
            tagline=publication.tagline,
            language=language or publication.language,
            postal_address=publication.postal_address,
            site_url=links.home(publication.named),
            sender_name=publication.sender_name,
            booking_url=contact.booking_url(publication, links.base_url),
            ask_url=contact.ask_url(publication, links.base_url),
            pages=contact.pages(publication, links.base_url),
            takes_comments=publication.comments != CommentPolicy.OFF,
            has_series=publication.series_on,
            follow=tuple(Link(place["name"], place["url"]) for place in publication.follow),
            accent=publication.accent or "",
            accent_dark=publication.accent_dark or "",
            logo_url=links.picture(publication.logo) if publication.logo else "",
            logo_box=publication.logo_box(_LOGO_WIDTH),
        )

    def wordmark_size(self, largest: int, room: int) -> int:
        """The font size in pixels, of 12 at least, at which the longest word of the name fits in so many pixels."""
        longest = max(map(len, self.name.split()), default=1)
        return max(_LEAST_FONT, min(largest, int(room / (longest * _WIDTH_OF_A_LETTER))))

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`, for the `dir` of the mail."""
        return text_direction(self.language)

    @property
    def address_lines(self) -> list[str]:
        """The lines of the postal address."""
        return [line.strip() for line in self.postal_address.strip().splitlines()]
