from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st

from newsletter.editorial.rendering import plain_text
from tests.editorial.sample_issues import BODIES


def as_text(body: str) -> str:
    return plain_text.to_text(dedent(body))


def test_links_are_numbered_and_listed_where_their_section_ends() -> None:
    body = """\
        See [one](https://example.org/1), [two](https://example.org/2).

        ## Next

        Again [two](https://example.org/2) and <https://example.org/3>.
        """
    assert as_text(body) == dedent("""\
        See one [1], two [2].

        [1] https://example.org/1
        [2] https://example.org/2

        Next
        ----

        Again two [2] and https://example.org/3.

        [2] https://example.org/2
        """)


def test_lists_hang_and_nest() -> None:
    body = """\
        3. First
           - nested *softly*
        4. Second, **loudly**
        """
    assert as_text(body) == "3. First\n   - nested _softly_\n4. Second, *loudly*\n"


def test_a_callout_has_a_bar_and_its_name() -> None:
    assert as_text("> [!WARNING]\n> Stop when it hurts.\n") == "| WARNING\n|\n| Stop when it hurts.\n"


def test_a_quotation_is_marked_as_in_any_mail() -> None:
    assert as_text("> One\n>\n> Two\n") == "> One\n>\n> Two\n"


def test_a_picture_is_told_in_words() -> None:
    assert as_text('![A back](back.png "Three muscles")') == "[Picture: A back — Three muscles]\n"


def test_a_picture_that_only_decorates_is_not_told() -> None:
    assert as_text("One.\n\n![](line.png){.decorative}\n\nTwo.") == "One.\n\nTwo.\n"


def test_a_button_shows_where_it_leads() -> None:
    assert as_text("[Book](https://example.org/book){.button}") == "→ Book: https://example.org/book\n"


def test_a_table_is_read_row_by_row() -> None:
    body = "| Exercise | Times | Hold |\n|--|--|--|\n| Cat | 10 | 2 s |\n| Child | 3 | 30 s |\n"
    assert as_text(body) == "- Cat; Times: 10; Hold: 2 s\n- Child; Times: 3; Hold: 30 s\n"


def test_code_is_set_in_and_never_rewrapped() -> None:
    assert as_text(f"```\na  b\n{'x ' * 50}\n```\n") == f"    a  b\n    {('x ' * 50).rstrip()}\n"


def test_an_address_to_write_to_stands_beside_its_words() -> None:
    assert as_text("[Write](mailto:desk@example.org) or <desk@example.org>") == (
        "Write (desk@example.org) or desk@example.org\n"
    )


def test_lines_end_before_72_columns_but_never_inside_a_merge_field_or_an_address() -> None:
    address = "https://example.org/" + "x" * 80
    lines = as_text(f"{'word ' * 13}{{{{ name | dear old friend }}}} {'word ' * 20}<{address}>").splitlines()
    assert "{{ name | dear old friend }}" in lines[1]
    assert lines[-1] == address
    assert all(len(line) <= 72 for line in lines[:-1])


def test_a_link_and_its_number_stay_together() -> None:
    lines = as_text(f"{'x' * 66} ends [here](https://example.org)").splitlines()
    assert lines[1] == "ends here [1]" or "here [1]" in lines[1]


@given(BODIES)
def test_whatever_is_written_becomes_text_without_trailing_blanks(body: str) -> None:
    plain = plain_text.to_text(body)
    assert plain.endswith("\n")
    assert not any(line != line.rstrip() for line in plain.split("\n"))


@given(st.integers(0, 9).map(lambda depth: "123456789. " * depth + "words " * 30))
def test_however_deep_the_lists_there_is_room_for_words(body: str) -> None:
    assert "words words" in plain_text.to_text(body)


def test_a_picture_that_is_a_link_shows_where_it_leads() -> None:
    assert as_text('[![A stand](stand.jpg "At noon")](https://bees.example/register)') == (
        "[Picture: A stand — At noon] [1]\n\n[1] https://bees.example/register\n"
    )
