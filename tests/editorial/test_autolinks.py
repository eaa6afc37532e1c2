"""Addresses that stand in a text by themselves: linked whole, and never turned into emphasis."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editorial.rendering import plain_text
from newsletter.editorial.source import autolinks, markdown


def links(source: str) -> list[tuple[str, str]]:
    """The words and the address of each link that a text makes."""
    found = markdown.references(markdown.parse(source))
    return [(link.words, link.target) for link in found if link.kind == "link"]


@pytest.mark.parametrize(
    "address",
    [
        "https://bees.example/special_link_here",
        "https://bees.example/__init__/x",
        "https://bees.example/a*b*c",
        "https://bees.example/x~~y~~z",
        "https://bees.example/wiki/Bee_(insect)",
        "https://bees.example/?q=1&copy=3&b=2;c",
        "HTTPS://BEES.EXAMPLE/_x_",
        "http://localhost:8000/x",
        "ida_x_y@bees.example",
        "__init__@bees.example",
        "o'neill+news@bees.example",
    ],
)
@pytest.mark.parametrize(
    "around", ["see {} now", "({})", "{}.", "“{}”", "**{}**", "- {}", "| a |\n|--|\n| {} |", "a: {}, b"]
)
def test_an_address_is_linked_as_it_was_typed_whatever_stands_around_it(address: str, around: str) -> None:
    [(words, target)] = links(around.format(address))
    assert words == address
    assert target.removeprefix("mailto:") == address


@pytest.mark.parametrize(
    ("source", "words", "target"),
    [
        ("www.bees.example/__x__", "www.bees.example/__x__", "http://www.bees.example/__x__"),
        ("mailto:ida@bees.example", "mailto:ida@bees.example", "mailto:ida@bees.example"),
        ("_ida@bees.example_", "ida@bees.example", "mailto:ida@bees.example"),
        ("_https://bees.example/b_", "https://bees.example/b", "https://bees.example/b"),
        (r"https://bees.example/\_\_init\_\_", "https://bees.example/__init__", "https://bees.example/__init__"),
        (r"ida\_keeper@bees.example", "ida_keeper@bees.example", "mailto:ida_keeper@bees.example"),
        ("https://bees.example/?a=1&amp;b=2", "https://bees.example/?a=1&b=2", "https://bees.example/?a=1&b=2"),
        ("https://grün.example/königin", "https://grün.example/königin", "https://xn--grn-ioa.example/k%C3%B6nigin"),
        (
            "[see https://bees.example/a_b_c](https://other.example)",
            "see https://bees.example/a_b_c",
            "https://other.example",
        ),
    ],
)
def test_an_address_in_other_spellings_leads_where_it_says(source: str, words: str, target: str) -> None:
    assert links(source) == [(words, target)]


@pytest.mark.parametrize(
    "source", ["`https://bees.example`", "a@b", "https://", "www.", "xhttps://bees.example", "    www.bees.example"]
)
def test_what_is_no_address_or_stands_in_code_is_not_linked(source: str) -> None:
    assert links(source) == []


def test_the_text_part_prints_an_address_once_and_as_it_was_typed() -> None:
    source = "Read https://grün.example/a_b_ or write to ida@bees.example."
    assert plain_text.to_text(source) == f"{source}\n"


def test_a_mailbox_behind_words_is_shown_without_what_the_link_fills_in() -> None:
    source = "[Write to us](mailto:ida%2Bbees@bees.example?subject=Hives&body=Hello)"
    assert plain_text.to_text(source) == "Write to us (ida+bees@bees.example)\n"


def test_no_text_holds_the_search_for_addresses_up() -> None:
    began = time.process_time()
    assert list(autolinks.find_links("a'" * 30_000)) == []
    assert time.process_time() - began < 5


@given(st.text(alphabet="ab_*~.@:/\\()&;[]wh tps-`é\n", max_size=60))
def test_finding_addresses_loses_no_letter_and_overlaps_nowhere(line: str) -> None:
    end = 0
    for link in autolinks.find_links(line):
        assert end <= link.start < link.end <= len(line)
        end = link.end
    assert markdown.to_html(line, str) is not None
