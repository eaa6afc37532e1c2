"""Share images: what other sites show beside a link to an issue, its title in the publication's colours.

Drawn with fonts that come with the pages. A title in a script that none of them has is left out.
"""

import hashlib
import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Self

from PIL import Image, ImageDraw, ImageFont, features
from PIL.ImageFont import FreeTypeFont

from newsletter.editorial.rendering import theme
from newsletter.publications import Publication
from newsletter.system.bundled import PACKAGE

WIDTH, HEIGHT = 1200, 630
"""The size at which Open Graph images are shown uncropped."""

_VERSION = b"1"
_MARGIN = 88
_BAND = 24
_TITLE_TOP, _TITLE_BOTTOM = 190, 570
_WORDMARK = 40
_SIZES = range(92, 43, -6)
_LEADING = 1.16
_SEMI_BOLD = 600
_FONTS = PACKAGE / "web" / "assets" / "vendor" / "@fontsource-variable"
_SERIF = "source-serif-4/files/source-serif-4-{}-wght-normal.woff2"
# Each font's ranges, as its package gives them for CSS; the first that has a character draws it.
_RANGES: dict[str, Sequence[tuple[int, int]]] = {
    _SERIF.format("latin"): ((0x20, 0xFF), (0x131, 0x131), (0x152, 0x153), (0x2000, 0x206F), (0x20AC, 0x20AC)),
    _SERIF.format("vietnamese"): ((0x1EA0, 0x1EF1),),
    _SERIF.format("latin-ext"): ((0x100, 0x2BA), (0x1E00, 0x1E9F), (0x1EF2, 0x1EFF)),
    _SERIF.format("greek"): ((0x370, 0x3FF),),
    _SERIF.format("cyrillic"): ((0x400, 0x45F), (0x490, 0x491), (0x4B0, 0x4B1), (0x2116, 0x2116)),
    "noto-sans-arabic/files/noto-sans-arabic-arabic-wght-normal.woff2": (
        *((0x600, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)),
    ),
    "noto-sans-hebrew/files/noto-sans-hebrew-hebrew-wght-normal.woff2": ((0x590, 0x5FF), (0xFB1D, 0xFB4F)),
}


@dataclass(frozen=True, slots=True)
class Card:
    """What a share image shows, and how."""

    title: str
    publication: str
    accent: str
    paper: str
    ink: str
    is_rtl: bool

    @classmethod
    def for_issue(cls, title: str, publication: Publication) -> Self:
        """The card of an issue of that title."""
        colours = theme.with_accents(publication.accent, publication.accent_dark).light
        is_rtl = publication.direction == "rtl"
        return cls(title, publication.name, colours["accent"], colours["paper"], colours["ink"], is_rtl)

    @property
    def digest(self) -> str:
        """A name for the picture, which changes with whatever it shows."""
        parts = (self.title, self.publication, self.accent, self.paper, self.ink, str(self.is_rtl))
        return hashlib.sha256(_VERSION + "\0".join(parts).encode()).hexdigest()[:16]


def can_draw(text: str) -> bool:
    """Whether the fonts have every letter and digit of it, and its letters can be joined where its script does that."""
    is_shaped = features.check("raqm") or not any(map(_is_rtl, text))
    return is_shaped and all(_font_name(each) for each in _composed(text) if each.isalnum())


@lru_cache(maxsize=128)
def draw(card: Card) -> bytes:
    """The picture as a PNG."""
    image = Image.new("RGB", (WIDTH, HEIGHT), card.paper)
    canvas = ImageDraw.Draw(image)
    canvas.rectangle((WIDTH - _BAND, 0, WIDTH, HEIGHT) if card.is_rtl else (0, 0, _BAND - 1, HEIGHT), card.accent)
    for line in _wrapped(card.publication, _WORDMARK)[:1]:
        _draw_line(canvas, line, _WORDMARK, 112, card)
    # A double rule, as under the name of a printed paper.
    canvas.rectangle((_MARGIN, 138, WIDTH - _MARGIN, 141), card.ink)
    canvas.rectangle((_MARGIN, 145, WIDTH - _MARGIN, 146), card.ink)
    size, lines = _fitted(card.title)
    height = size * _LEADING
    top = _TITLE_TOP + (_TITLE_BOTTOM - _TITLE_TOP - height * len(lines)) / 2
    for number, line in enumerate(lines):
        _draw_line(canvas, line, size, top + height * number + size * 0.9, card)
    stored = io.BytesIO()
    image.quantize(64).save(stored, "PNG", optimize=True)
    return stored.getvalue()


def _fitted(title: str) -> tuple[int, list[str]]:
    """The largest size at which the title fits, and its lines; at the smallest one it is cut short."""
    for size in _SIZES:
        lines, most = _wrapped(title, size), int((_TITLE_BOTTOM - _TITLE_TOP) / (size * _LEADING))
        if len(lines) <= most:
            return size, lines
    last = lines[most - 1]
    while not _fits(f"{last}…", size):
        last = last[:-1]
    return size, [*lines[: most - 1], f"{last}…"]


def _wrapped(text: str, size: int) -> list[str]:
    """The text in lines that fit, empty if it cannot be drawn; a word that is too long for a line is broken."""
    lines: list[str] = []
    for word in _words(text) if can_draw(text) else ():
        if lines and _fits(f"{lines[-1]} {word}", size):
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.extend([word] if _fits(word, size) else _broken(word, size))
    return lines


def _broken(word: str, size: int) -> Iterator[str]:
    part = ""
    for character in word:
        if not _fits(part + character, size):
            yield part
            part = ""
        part += character
    yield part


def _fits(line: str, size: int) -> bool:
    return _length(line, size) <= WIDTH - 2 * _MARGIN


def _draw_line(canvas: ImageDraw.ImageDraw, line: str, size: int, base: float, card: Card) -> None:
    left = WIDTH - _MARGIN - _length(line, size) if card.is_rtl else float(_MARGIN)
    for word in _visual_order(_words(line), is_rtl=card.is_rtl):
        for name, text in reversed(list(_runs(word))) if any(map(_is_rtl, word)) else _runs(word):
            font = _font(name, size)
            canvas.text((left, base), text, card.ink, font, anchor="ls")
            left += font.getlength(text)
        left += _space(size)


def _visual_order(words: Sequence[str], *, is_rtl: bool) -> Iterator[str]:
    """The words from left to right: those of a script that runs against the line keep their own order."""
    groups = [(turned, list(group)) for turned, group in groupby(words, lambda word: any(map(_is_rtl, word)))]
    for turned, group in reversed(groups) if is_rtl else groups:
        yield from reversed(group) if turned else group


def _length(line: str, size: int) -> float:
    words = _words(line)
    drawn = sum(_font(name, size).getlength(text) for word in words for name, text in _runs(word))
    return drawn + _space(size) * (len(words) - 1)


def _words(text: str) -> list[str]:
    """The words of which something can be drawn."""
    return [word for word in text.split() if any(_runs(word))]


def _runs(word: str) -> Iterator[tuple[str, str]]:
    """The parts of a word that one font draws each; characters that no font has are left out."""
    for name, group in groupby(_composed(word), _font_name):
        if name:
            yield name, "".join(group)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@lru_cache(maxsize=4096)
def _font_name(character: str) -> str:
    """The file of the first font that has this character; empty if none has."""
    code = ord(character)
    return next((name for name, ranges in _RANGES.items() if any(a <= code <= b for a, b in ranges)), "")


def _is_rtl(character: str) -> bool:
    return unicodedata.bidirectional(character) in {"R", "AL"}


def _space(size: int) -> float:
    return _font(next(iter(_RANGES)), size).getlength(" ")


@lru_cache(maxsize=64)
def _font(name: str, size: int) -> FreeTypeFont:
    font = ImageFont.truetype(str(_FONTS / name), size)
    font.set_variation_by_axes([_SEMI_BOLD])
    return font
