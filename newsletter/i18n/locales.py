"""Locales: the CLDR's rules for a language tag, and the direction in which a language is written."""

from functools import lru_cache
from typing import overload

from babel import Locale, UnknownLocaleError

_ENGLISH = Locale.parse("en_GB")
"""English is written one way, whatever its region: "en" alone would be American, with its 12-hour clock."""

# The right-to-left languages and scripts (BCP 47) of the Unicode CLDR.
_RIGHT_TO_LEFT = {
    *("ar", "arc", "azb", "ckb", "dv", "fa", "glk", "he", "iw", "ji", "ks", "lrc", "mzn", "nqo", "pnb", "ps"),
    *("sd", "syr", "ug", "ur", "yi"),
    *("adlm", "arab", "hebr", "nkoo", "rohg", "syrc", "thaa"),
}


@overload
def locale_of(language: str) -> Locale: ...
@overload
def locale_of(language: str, default: None) -> Locale | None: ...
@lru_cache(maxsize=64)
def locale_of(language: str, default: Locale | None = _ENGLISH) -> Locale | None:
    """The locale of a language tag (BCP 47); the default, English, for one that the CLDR does not know."""
    locale = _known(language)
    if locale is None:
        return default
    return locale if locale.language != "en" else _ENGLISH


def first_weekday(language: str) -> int:
    """The weekday that weeks start with (0 is Monday) in the region that a language tag names; Monday without one."""
    return (_known(language) or _ENGLISH).first_week_day


def text_direction(language: str) -> str:
    """`rtl` for a language written from right to left, else `ltr`; a script in the tag takes precedence."""
    subtags = language.lower().replace("_", "-").split("-")
    script = next((tag for tag in subtags[1:] if len(tag) == len("arab")), "")
    return "rtl" if (script or subtags[0]) in _RIGHT_TO_LEFT else "ltr"


def own_name(language: str) -> str:
    """The name of a language in that language, as in a list that people choose theirs from: `Deutsch`, `Polski`."""
    name = locale_of(language).language_name or language
    return name[:1].upper() + name[1:]


def _known(language: str) -> Locale | None:
    """The locale of a tag or else of its language alone; None if the CLDR knows neither."""
    tag = language.replace("_", "-")
    for known in (tag, tag.partition("-")[0]):
        try:
            return Locale.parse(known, sep="-")
        except (ValueError, UnknownLocaleError):
            continue
    return None
