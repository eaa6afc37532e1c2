"""Picture variants: a picture's smaller copies in WebP, each made when it is first asked for and stored beside it.

A variant is named after the digest of its picture and its width, so it never changes either. Nothing but the picture
store knows of it: where it is lost, with a folder or in a restored press, it is made again.
"""

import re
from typing import NamedTuple, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.editorial.images.pictures import PictureStore, PictureStream
from newsletter.editorial.models import Picture
from newsletter.errors import NotFound

WIDTHS = (480, 720, 1080, 1200)
"""Pixels: from a phone's column to a sharp desktop's, and the widest that a picture is stored in."""

_NAME = re.compile(r"([0-9a-f]{64})-([0-9]{1,4})\.webp")
_SCALABLE = ("png", "jpg")
"""An animation would stand still."""


class Variant(NamedTuple):
    """One size of a picture."""

    sha256: str
    width: int

    @classmethod
    def parse(cls, file_name: str) -> Self | None:
        """The variant of that name; None for another name, such as a picture's own."""
        found = _NAME.fullmatch(file_name)
        return cls(found[1], int(found[2])) if found else None

    @property
    def file_name(self) -> str:
        """The name under which it is stored."""
        return f"{self.sha256}-{self.width}.webp"


def variants_of(file_name: str, width: int) -> list[Variant]:
    """The variants of a picture that many pixels wide, narrowest first; none is wider than the picture."""
    sha256, _, ending = file_name.partition(".")
    widths = sorted({min(each, width) for each in WIDTHS}) if ending in _SCALABLE else []
    return [Variant(sha256, each) for each in widths]


def open_variant(store: PictureStore, session: Session, wanted: Variant) -> PictureStream:
    """A variant as a stream, made and stored if it is asked for the first time; NotFound if there can be none."""
    try:
        return store.find_variant(wanted.file_name)
    except NotFound:
        return store.keep_variant(wanted.file_name, _made(store, session, wanted))


def _made(store: PictureStore, session: Session, wanted: Variant) -> bytes:
    from newsletter.editorial.images import processing  # Pillow takes memory, and few processes need it

    names = [f"{wanted.sha256}.{ending}" for ending in _SCALABLE]
    picture = session.scalar(select(Picture).where(Picture.file_name.in_(names), Picture.developed))
    if picture is None or wanted not in variants_of(picture.file_name, picture.width):
        raise NotFound("there is no such picture")
    return processing.as_webp(store.read(picture.file_name), wanted.width)
