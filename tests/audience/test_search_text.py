import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import characters
from newsletter.audience import search_text


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("GR\u00dcN", "grun"),
        (unicodedata.normalize("NFD", "gr\u00fcn"), "grun"),
        ("\u0141ukasz", "lukasz"),
        ("S\u00f8ren \u00c6gir", "soren aegir"),
        ("Stra\u00dfe", "strasse"),
        ("\u0130stanbul", "istanbul"),
        ("\ufb01n", "fin"),
        ("a\u200db\u00adc", "abc"),
    ],
)
def test_case_marks_and_strokes_are_folded_away(text: str, folded: str) -> None:
    assert characters.fold(text) == folded


@given(st.text(), st.text())
def test_words_are_folded_alike_together_and_by_themselves(one: str, other: str) -> None:
    assert characters.fold(f"{one} {other}") == f"{characters.fold(one)} {characters.fold(other)}"


@given(st.text(max_size=30))
def test_whatever_a_reader_is_called_is_found_by_it_in_any_case_and_form(name: str) -> None:
    entry = search_text.search_entry("ada@example.org", "ada@example.org", name)
    for typed in (name, unicodedata.normalize("NFD", name), unicodedata.normalize("NFC", name)):
        assert all(part in entry for part in search_text.search_terms(typed))


@given(st.text())
def test_what_is_looked_for_is_short_and_holds_nothing_that_a_database_refuses(typed: str) -> None:
    parts = search_text.search_terms(typed * 50)
    assert not [part for part in parts if "\0" in part]
    "".join(parts).encode("utf-8")
    assert len(parts) <= search_text.LONGEST
