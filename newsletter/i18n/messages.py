"""Messages: the words that readers see, translated by the gettext catalogues in `catalogues/`.

English is the source language and needs no catalogue; it also stands in for a language that has none. Catalogues are
compiled when a process first needs them, so that there is no file to build, to forget or to pack.
"""

from collections.abc import Mapping
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import numbers
from babel.messages import mofile, pofile

from newsletter.i18n.locales import locale_of

SOURCE = "en"
CATALOGUES = Path(__file__).parent / "catalogues"


class Message(str):
    """A sentence in English, which can still be translated where it is shown."""

    __slots__ = ("source", "values")
    source: str
    values: Mapping[str, object]

    def __str__(self) -> str:
        # So that `str(error)` of an error with this sentence gives the message, not only its English.
        return self


def lazy_gettext(source: str, /, **values: object) -> Message:
    """A message for code that does not know the reader's language, such as a check that raises Invalid."""
    message = Message(source % written(SOURCE, values))
    message.source, message.values = source, values
    return message


def in_english(english: str, otherwise: Message) -> Message:
    """A sentence that there is in English alone, such as a library's; in other languages, another one stands for it."""
    message = Message(english)
    message.source, message.values = otherwise.source, otherwise.values
    return message


def translate(sentence: str, language: str) -> str:
    """A message in that language; a sentence that is none, unchanged."""
    if not isinstance(sentence, Message) or catalogue_of(language) in {None, SOURCE}:
        return sentence
    # A value may be a message itself, such as the reason in an error.
    values = {
        name: translate(each, language) if isinstance(each, str) else each for name, each in sentence.values.items()
    }
    return gettext(sentence.source, language, **values)


def gettext(source: str, language: str, /, **values: object) -> str:
    """The translation of a message, with its values put in."""
    return catalogue(language).gettext(source) % written(language, values)


def pgettext(context: str, source: str, language: str) -> str:
    """The translation of words that mean something else in another context."""
    return catalogue(language).pgettext(context, source)


def languages() -> tuple[str, ...]:
    """The languages that readers can choose, in the order of their tags."""
    return tuple(sorted({SOURCE, *(folder.parent.name for folder in CATALOGUES.glob("*/LC_MESSAGES"))}))


def chosen_or(language: str | None, default: str) -> str:
    """The language that somebody chose, if there is a catalogue for it; else the default."""
    return language if language and catalogue_of(language) else default


@cache
def catalogue_of(language: str) -> str | None:
    """The language whose catalogue serves this tag (`de` for `de-AT`); None if English has to stand in."""
    found = locale_of(language, None)
    return found.language if found and found.language in languages() else None


@cache
def catalogue(language: str) -> NullTranslations:
    """The messages of that language; English ones if it has no catalogue."""
    serving = catalogue_of(language) or SOURCE
    if serving == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    with (CATALOGUES / serving / "LC_MESSAGES" / "messages.po").open("rb") as file:
        mofile.write_mo(compiled, pofile.read_po(file, locale=serving))
    compiled.seek(0)
    return GNUTranslations(compiled)


def written(language: str, values: Mapping[str, object]) -> dict[str, object]:
    """The values of a message, with its numbers as the language writes them."""
    locale = locale_of(catalogue_of(language) or SOURCE)
    return {
        name: numbers.format_decimal(value, locale=locale) if isinstance(value, int) else value
        for name, value in values.items()
    }
