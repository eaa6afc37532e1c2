import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.characters import as_line, as_text
from newsletter.delivery.message import merge
from newsletter.errors import Invalid

NAMES = st.text(max_size=40)


def filled(text: str, escape=as_text, **values: str) -> str:
    return merge.compile(text, merge.EDITORS).fill(values, escape)


@pytest.mark.parametrize("name", ["", "   ", "\r\n", "\u00a0", "\x00"])
def test_a_reader_without_a_name_gets_the_fallback(name: str) -> None:
    assert filled("Hello {{ name | friend }},", name=name) == "Hello friend,"


def test_a_name_is_trimmed_and_printed() -> None:
    assert filled("Hello {{name}}, {{ name | friend }}", name=" Zofia ") == "Hello Zofia, Zofia"


def test_a_value_that_looks_like_a_field_is_printed_as_it_is() -> None:
    assert filled("{{ name }}", name="{{ email }}", email="zofia@example.org") == "{{ email }}"


def test_a_backslash_lets_braces_be_printed() -> None:
    assert filled(r"\{{ name }} is {{ name }}", name="Zofia") == "{{ name }} is Zofia"


def test_a_fallback_may_be_empty_and_may_run_over_a_line_break() -> None:
    assert filled("<{{ name | }}> <{{ name | dear\nfriend }}>", name="") == "<> <dear friend>"


@pytest.mark.parametrize(
    ("text", "offset", "part"),
    [
        ("{{ nmae }}", 0, 'unknown field "nmae"; the fields here are: email, name'),
        ("a {{ 7*7 }}", 2, 'unknown field "7*7"'),
        ("{{ name.__class__ }}", 0, 'unknown field "name.__class__"'),
        ("{{ unsubscribe_url }}", 0, 'unknown field "unsubscribe_url"'),
        ("{{}}", 0, 'unknown field ""'),
        ("so {{ name", 3, "never closes"),
    ],
)
def test_braces_that_are_no_field_are_refused(text: str, offset: int, part: str) -> None:
    [(place, sentence)] = merge.field_errors(text, merge.EDITORS)
    assert place == offset
    assert part in sentence
    with pytest.raises(Invalid, match="field"):
        merge.compile(text, merge.EDITORS)


def test_three_braces_are_refused_where_they_are_written_and_printed_where_they_were_made() -> None:
    assert [place for place, _ in merge.field_errors("{{{ name }}}", merge.EDITORS)] == [0]
    # From "&#123;{{ name }}", which is written right.
    template = merge.compile("{{{ name }}", merge.EDITORS)
    assert template.fill({"name": "Ada"}, as_text) == "{Ada"


def test_every_fault_of_a_text_is_told_at_once() -> None:
    with pytest.raises(Invalid) as refusal:
        merge.compile("{{ one }} {{ two }}", merge.EDITORS)
    assert str(refusal.value).splitlines() == [
        'unknown field "one"; the fields here are: email, name',
        'unknown field "two"; the fields here are: email, name',
    ]


def test_a_missing_value_without_a_fallback_is_named() -> None:
    with pytest.raises(KeyError, match="email"):
        filled("{{ email }}", name="Zofia")


def test_a_template_knows_its_fields() -> None:
    assert merge.compile("{{ name | x }} {{ name }}", merge.EDITORS).fields == {"name"}


def test_a_name_in_html_opens_no_tag_and_ends_no_attribute() -> None:
    assert filled('<a title="{{ name }}">', merge.as_html, name="\"><script>'") == (
        '<a title="&quot;&gt;&lt;script&gt;&#x27;">'
    )


@pytest.mark.parametrize("hostile", ["a\r\nBcc: x@example.org", "a\u2028b", "a\x00b", "\u202egro.elpmaxe", "a\ud800b"])
def test_a_name_in_a_header_stays_on_its_line(hostile: str) -> None:
    header = as_line(hostile)
    assert len(header.splitlines()) == 1
    assert header.isprintable()
    header.encode()


def test_fields_bound_for_good_leave_the_others_open() -> None:
    bound = merge.compile("{{ name }}, {{ email }}; {{ name | x }}", merge.EDITORS).bind(
        {"name": "A & O"}, merge.as_html
    )
    assert bound.fields == {"email"}
    assert bound.fill({"email": "ada@reader.example"}, merge.as_html) == "A &amp; O, ada@reader.example; A &amp; O"


@given(NAMES, NAMES)
def test_filling_prints_the_value_and_nothing_else(before: str, name: str) -> None:
    template = merge.compile(merge.literal(before) + " {{ name | friend }}", {"name"})
    assert template.fill({"name": name}, as_text) == f"{before} {as_text(name).strip() or 'friend'}"


@given(st.text(alphabet="{}\\| name", max_size=30))
def test_any_text_either_compiles_or_is_invalid(text: str) -> None:
    try:
        template = merge.compile(text, merge.EDITORS)
    except Invalid:
        return
    template.fill({"name": "Zofia", "email": "zofia@example.org"}, merge.as_html)


@given(st.text())
def test_text_made_literal_prints_as_it_was(text: str) -> None:
    assert merge.compile(merge.literal(text), ()).fill({}, as_text) == text
