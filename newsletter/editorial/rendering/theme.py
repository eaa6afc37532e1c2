"""Theme: the colours and fonts of mail in light and dark mode, and the contrast of a publication's own accent.

tests/editorial/test_palette.py checks the default colours against WCAG's contrast ratios.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

Colours = Mapping[str, str]
"""Colours by their use, as `#rrggbb`."""

LEAST_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3."""


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours and typefaces of a mail."""

    light: Colours
    dark: Colours
    serif: str = "'Iowan Old Style', Charter, 'Sitka Text', Cambria, Georgia, serif"
    sans: str = "Seravek, 'Segoe UI', 'Open Sans', 'Noto Sans', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class LowContrast:
    """A place where an accent has too little contrast, and the contrast measured."""

    place: str
    measured: float


DEFAULT = Theme(
    light={
        "paper": "#fbfaf7",
        "ink": "#1f2a2e",
        "quiet": "#566166",
        "accent": "#0f6b5c",
        "on_accent": "#ffffff",
        "sand": "#efe7da",
        "warning": "#8f4a12",
        "rule": "#ddd5c7",
    },
    dark={
        "paper": "#14191b",
        "ink": "#e9e6df",
        "quiet": "#a5aeb0",
        "accent": "#7fd1c0",
        "on_accent": "#14191b",
        "sand": "#2a2823",
        "warning": "#f0b070",
        "rule": "#3a4245",
    },
)


@lru_cache(maxsize=32)
def with_accents(accent: str, accent_dark: str) -> Theme:
    """The default theme with a publication's own accents; empty for the default ones."""
    return replace(DEFAULT, light=_with(DEFAULT.light, accent), dark=_with(DEFAULT.dark, accent_dark))


def low_contrasts(colours: Colours, accent: str) -> list[LowContrast]:
    """Where this accent has too little contrast with these colours: as a link, on a callout, or as a button."""
    mixed = _with(colours, accent)
    grounds = {"links on paper": "paper", "titles of callouts": "sand", "words on buttons": "on_accent"}
    measured = {place: contrast(mixed["accent"], mixed[ground]) for place, ground in grounds.items()}
    return [LowContrast(place, ratio) for place, ratio in measured.items() if ratio < LEAST_CONTRAST]


def is_colour(text: str) -> bool:
    """Whether a text is a colour written as `#rrggbb`."""
    return re.fullmatch("#[0-9a-f]{6}", text) is not None


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours by WCAG 2.2, from 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _with(colours: Colours, accent: str) -> Colours:
    if not accent:
        return colours
    words = max(("#ffffff", "#14191b"), key=lambda ink: contrast(accent, ink))
    return {**colours, "accent": accent, "on_accent": words}


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
