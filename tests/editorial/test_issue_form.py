from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editorial.source import issue_file, issue_form
from newsletter.editorial.source.fields import Source
from newsletter.editorial.source.front_matter import split
from newsletter.editorial.source.issue_form import FormPlace, IssueForm

ISSUES = Path(__file__).parents[2] / "issues"
SOURCE = """---
# Written on the train.
title: 'A tight back'   # plain
subject: "A tight back: what helps"
slug: a-tight-back

# For the archive.
tags: [massage, back pain]
sources:
  - title: A review
    url: https://example.org/review
  - title: Another
    url: https://example.org/another
---
Hello.

    code keeps its blanks
"""


@pytest.mark.parametrize("path", sorted(ISSUES.glob("*.md")), ids=lambda path: path.stem)
def test_a_form_that_changed_nothing_gives_the_file_back_byte_for_byte(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert issue_form.apply_form(source, "x", issue_form.parse_form(source, "x")) == source


def test_a_file_is_shown_field_by_field() -> None:
    shown = issue_form.parse_form(SOURCE, "unused")
    assert (shown.title, shown.subject, shown.slug) == ("A tight back", "A tight back: what helps", "a-tight-back")
    assert (shown.tags, shown.author) == ("massage, back pain", "")
    assert shown.sources[1] == Source("Another", "https://example.org/another")
    assert shown.body == "Hello.\n\n    code keeps its blanks\n"


def test_a_changed_field_is_written_anew_and_every_other_line_stays() -> None:
    changed = edited(title="A calm neck")
    assert changed == SOURCE.replace("title: 'A tight back'   # plain", "title: A calm neck")


def test_a_new_field_stands_below_the_one_that_comes_before_it() -> None:
    assert edited(preheader="Short: and kind").split("\n")[4:6] == [
        'preheader: "Short: and kind"',
        "slug: a-tight-back",
    ]
    assert edited(author="Ada").split("\n")[7:9] == ["tags: [massage, back pain]", "author: Ada"]


def test_an_emptied_field_goes_with_its_lines_and_leaves_the_comment_below_it() -> None:
    changed = edited(slug="", sources=())
    assert "slug" not in changed
    assert "sources" not in changed
    assert "# For the archive.\ntags: [massage, back pain]\n---\nHello." in changed


def test_an_empty_title_keeps_its_line_so_that_the_complaint_has_one() -> None:
    _, faults = issue_file.examine(edited(title=""), "2026-11-24-a-tight-back.md")
    assert [(fault.line, fault.text) for fault in faults] == [(3, "title is empty")]


def test_a_slug_that_only_the_files_name_gives_is_not_written_into_the_file() -> None:
    source = SOURCE.replace("slug: a-tight-back\n", "")
    shown = issue_form.parse_form(source, "from-the-name")
    assert shown.slug == "from-the-name"
    assert issue_form.apply_form(source, "from-the-name", replace(shown, body="New.\n")).count("slug") == 0


def test_a_file_that_begins_with_a_form_reads_as_an_issue() -> None:
    source = issue_form.new_file(IssueForm(title="A calm neck", subject="A calm neck in a week", body="Hello.\n"))
    assert source == "---\ntitle: A calm neck\nsubject: A calm neck in a week\n---\nHello.\n"


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (3, FormPlace("title")),
        (4, FormPlace("subject")),
        (7, FormPlace("slug")),
        (9, FormPlace("sources", 1)),
        (11, FormPlace("sources", 1)),
        (12, FormPlace("sources", 2)),
        (15, FormPlace("body", 1)),
        (17, FormPlace("body", 3)),
        (1, FormPlace("title")),
    ],
)
def test_a_line_of_the_file_is_found_in_the_form(line: int, place: FormPlace) -> None:
    assert issue_form.form_place(split(SOURCE), line) == place


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=40).map(str.strip)


@given(title=WORDS, tags=st.lists(WORDS.map(lambda word: word.replace(",", "").strip()).filter(bool), max_size=3))
def test_whatever_is_typed_is_read_back_as_it_was_typed(title: str, tags: list[str]) -> None:
    shown = issue_form.parse_form(edited(title=title, tags=", ".join(tags)), "")
    assert shown.title == title
    assert shown.tags == ", ".join(tags)


def edited(**changes: object) -> str:
    return issue_form.apply_form(SOURCE, "", replace(issue_form.parse_form(SOURCE, ""), **changes))  # type: ignore[arg-type]
