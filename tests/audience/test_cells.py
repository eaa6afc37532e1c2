"""What a cell of a list holds, where a shortcut settles nearly every one of a million rows."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.importing import cells
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
