"""What a cell of a list holds, where a shortcut settles nearly every one of a million rows."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.importing import cells, status_words
from newsletter.errors import Invalid

TEXTS = st.text(st.characters(categories=["L", "N", "P"]), max_size=9)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


@given(st.dictionaries(st.text("abc", min_size=1), VALUES, max_size=5))
def test_an_attribute_is_the_text_in_json_or_else_what_json_writes(values: dict[str, Any]) -> None:
    written = {name: json.dumps(value, ensure_ascii=False) for name, value in values.items() if value not in (None, "")}
    expected = {name: values[name] if isinstance(values[name], str) else text for name, text in written.items()}
    assert cells.attributes_in("metadata", json.dumps(values)) == expected


@pytest.mark.parametrize("text", ["[]", "1", '"{}"', "{} {}", "{}x", "{'a': 1}", '{"a": }', "\ufeff{}", "[" * 100_000])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="not a JSON object"):
        cells.attributes_in("metadata", text)


def test_blanks_around_an_object_are_none_of_it() -> None:
    assert cells.attributes_in("metadata", ' {"city": "Oslo"}\n') == {"city": "Oslo"}


WORDS = st.sampled_from(sorted({*cells.NOTHING, *status_words.UNMISTAKABLE, "Nil", "désabonné", "do not e-mail"}))
AROUND = st.sampled_from(["", "", "", " ", "\xa0", "\t", "'", "'=", "x", "¦"])
CELLS = st.lists(
    st.builds(
        "{}{}{}".format, AROUND, st.text(max_size=4) | WORDS | WORDS.map(str.upper) | WORDS.map(str.title), AROUND
    )
)


@given(CELLS)
def test_no_row_is_plain_in_which_a_cell_is_not_its_own_text_or_says_that_its_reader_left(row: list[str]) -> None:
    odd = [one for one in row if cells.text_of(one, cells.NOTHING) != one or status_words.is_known_as_gone(one)]
    assert not (odd and cells.are_plain(row))


def test_a_row_of_names_places_and_numbers_is_plain() -> None:
    assert cells.are_plain(["Denise", "No", "Łódź", "", "DE", "Company Ltd", "2024-01-02", "a|b", "-", "Uncut, 1"])
    assert cells.are_plain(["Donald", "Abby", "Note 12 of 3", "Notting Hill", "Optik Meyer"])


@pytest.mark.parametrize("word", [*sorted(status_words.UNMISTAKABLE), "do not e-mail", "not-subscribed", "opt_out"])
def test_no_word_that_says_that_its_reader_left_is_passed_over(word: str) -> None:
    assert status_words.is_known_as_gone(word)
    assert status_words.is_known_as_gone(word.upper())
