"""What every mail of a publication says of it: name, address, and where else it is to be found."""

from dataclasses import dataclass
from typing import Self

from newsletter.links import Links
from newsletter.publications import Publication, text_direction


@dataclass(frozen=True, slots=True)
class Link:
    """A named address: somewhere to follow us, or an issue to read."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Branding:
    """What rendering needs of a publication; addresses are whole, and empty where there are none."""

    name: str
    tagline: str
    language: str
    """A language tag (BCP 47), for the `lang` of the mail."""
    postal_address: str
    site_url: str
    sender_name: str = ""
    booking_url: str = ""
    ask_url: str = ""
    follow: tuple[Link, ...] = ()
    accent: str = ""
    """Its own colour for links and buttons, as `#rrggbb`, and the one for dark mode; empty for the house's."""
    accent_dark: str = ""
    logo_url: str = ""

    @classmethod
    def of(cls, publication: Publication, links: Links) -> Self:
        """The masthead of a publication whose site is where the links lead."""
        return cls(
            name=publication.name,
            tagline=publication.tagline,
            language=publication.language,
            postal_address=publication.postal_address,
            site_url=links.home(publication.named),
            sender_name=publication.sender_name,
            booking_url=publication.booking_url or "",
            ask_url=publication.ask_url or "",
            follow=tuple(Link(place["name"], place["url"]) for place in publication.follow),
            accent=publication.accent or "",
            accent_dark=publication.accent_dark or "",
            logo_url=links.picture(publication.logo) if publication.logo else "",
        )

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`, for the `dir` of the mail."""
        return text_direction(self.language)

    @property
    def address_lines(self) -> list[str]:
        """The postal address, a line each."""
        return [line.strip() for line in self.postal_address.strip().splitlines()]
