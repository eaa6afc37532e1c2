"""Every word that readers see is translated; no translation loses a value, a merge field or a tag of its original."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages import pofile
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

from newsletter.audience.address import Address
from newsletter.errors import Invalid
from newsletter.i18n import messages
from newsletter.i18n.collation import sort_key
from newsletter.i18n.messages import CATALOGUES, lazy_gettext, translate

ROOT = Path(__file__).parents[2]
TRANSLATED = [language for language in messages.languages() if language != messages.SOURCE]

# What a translation has to carry over: values, the names of merge fields, and tags.
_CARRIED = re.compile(r"%\(\w+\)s|\{\{\s*\w+|</?[a-z]+\b|\n")


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return pofile.read_po(file)


def catalogue(language: str) -> Catalog:
    return read(CATALOGUES / language / "LC_MESSAGES" / "messages.po")


def sentences(catalog: Catalog) -> Iterator[Message]:
    return (message for message in catalog if message.id)


def forms(message: Message) -> Iterator[tuple[str, str]]:
    """Each translation of a message, beside the original that it has to say as much as."""
    if isinstance(message.id, str):
        yield message.id, str(message.string)
    else:
        yield from ((message.id[1], form) for form in message.string)


@cache
def extracted() -> set[object]:
    """What `make messages` would find now."""
    with (ROOT / "newsletter" / "i18n" / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)

    def is_ours(folder: str) -> bool:
        return Path(folder).relative_to(ROOT).parts[:1] in {("newsletter",), ("templates",)}

    keywords = {**DEFAULT_KEYWORDS, "lazy_gettext": None}
    found = extract_from_dir(ROOT, methods, options, keywords, directory_filter=is_ours)
    return {(context, message) for _, _, message, _, context in found}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_of_the_code_is_in_the_catalogue_and_no_other_is(language: str) -> None:
    assert {(message.context, message.id) for message in sentences(catalogue(language))} == extracted()


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated_and_none_is_a_guess(language: str) -> None:
    wanting = [
        message.id
        for message in sentences(catalogue(language))
        if message.fuzzy or not all(form.strip() for _, form in forms(message))
    ]
    assert wanting == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_values_fields_and_tags_of_its_original(language: str) -> None:
    for message in sentences(catalogue(language)):
        for original, form in forms(message):
            assert sorted(_CARRIED.findall(form)) == sorted(_CARRIED.findall(original)), form


def test_four_languages_are_there() -> None:
    assert messages.languages() == ("de", "en", "es", "pl")


def test_a_region_is_served_by_the_catalogue_of_its_language() -> None:
    assert messages.gettext("Subscribe", "de-AT") == "Abonnieren"
    assert messages.gettext("Subscribe", "xx") == "Subscribe"


def test_a_sentence_raised_as_an_error_is_translated_where_it_is_shown() -> None:
    sentence = lazy_gettext("every %(days)s", days="Tuesday")
    assert sentence == "every Tuesday"
    assert translate(str(ValueError(sentence)), "de") == "jeden Tuesday"
    assert translate("somebody’s 100 %", "de") == "somebody’s 100 %"


def test_a_reason_inside_an_error_is_translated_with_it() -> None:
    with pytest.raises(Invalid) as refused:
        Address.parse("ada")
    sentence = str(refused.value)
    assert sentence == "Please give an address like name@example.org: the @ is missing"
    assert translate(sentence, "pl") == "Podaj adres taki jak name@example.org: brakuje znaku @"
    with pytest.raises(Invalid) as refused:
        Address.parse("ada@-ample.org")
    assert translate(str(refused.value), "de").endswith("an: so ist keine Adresse geschrieben")


@pytest.mark.parametrize(
    ("language", "ordered"),
    [
        ("pl", ["lato", "lyon", "łata", "zebra", "źrebak", "żaba"]),
        ("es", ["nube", "ñandú", "oca"]),
        ("de", ["Apfel", "Äpfel", "Azur", "öde", "Opfer", "Straße", "straßig"]),
        ("en", ["éclair", "Edge", "zoo"]),
    ],
)
def test_words_are_listed_in_the_order_of_their_language(language: str, ordered: list[str]) -> None:
    turned = ordered[::-1]
    turned.sort(key=lambda word: sort_key(word, language))
    assert turned == ordered
