"""The lines of the text that a preview's blocks come from; the mail that is sent is the same without."""

import dataclasses
import re
from textwrap import dedent

import pytest
from hypothesis import given

from newsletter.editorial.rendering import plain_text, render
from newsletter.editorial.rendering.render import Rendered
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.errors import Invalid
from tests.editorial.sample_issues import BODIES, BRANDING, every_shape, picture_url

BLOCKS = {
    "headings": ("## One\n\n### Two\n", [(1, "h2", "One"), (3, "h3", "Two")]),
    "paragraphs": ("One\ntwo.\n\n\nThree.\n", [(1, "p", "One two."), (5, "p", "Three.")]),
    "lists": (
        "- One\n- Two\n  1. Three\n\nFour\n",
        [(1, "ul", ""), (1, "li", "One"), (2, "li", "Two"), (3, "ol", ""), (3, "li", "Three"), (5, "p", "Four")],
    ),
    "a loose list": ("- One\n\n  Two\n", [(1, "ul", ""), (1, "li", ""), (1, "p", "One"), (3, "p", "Two")]),
    "a quotation": ("> One\n>\n> Two\n", [(1, "blockquote", ""), (1, "p", "One"), (3, "p", "Two")]),
    "a callout": (
        "Before\n\n> [!TIP]\n> One\n>\n> Two\n",
        [(1, "p", "Before"), (3, "table", "Tip"), (4, "p", "One"), (6, "p", "Two")],
    ),
    "a button": ("Before\n\n[Book](https://a.example){.button}\n", [(1, "p", "Before"), (3, "table", "Book")]),
    "buttons, a line each": (
        "[Book](https://a.example){.button}\n[Ask](https://b.example){.button}\n",
        [(1, "table", "Book"), (2, "table", "Ask")],
    ),
    "a picture": ('Before\n\n![A back](back.png "Mine")\n', [(1, "p", "Before"), (3, "figure", "Mine")]),
    "a divider": ("One\n\n---\n\nTwo\n", [(1, "p", "One"), (3, "hr", ""), (5, "p", "Two")]),
    "a table": (
        "| A | B |\n|---|---|\n| c | d |\n",
        [(1, "table", ""), (1, "thead", ""), (1, "tr", "A B"), (3, "tbody", ""), (3, "tr", "c d")],
    ),
    "code": ("```\none\n```\n\n    two\n", [(1, "code", "one"), (5, "pre", "two")]),
}


def preview(file: IssueFile) -> Rendered:
    return render.issue_mail(file, BRANDING, picture_url, lines=True)


def blocks(html: str) -> list[tuple[int, str, str]]:
    """Each block with its line, tag, and its own words up to the next block."""
    _, *parts = re.split(r'(?=<\w+[^<>]* data-line=")', html.partition("Did this help you?")[0])
    found = (re.match(r'<(\w+)[^<>]* data-line="(\d+)"[^<>]*>(.*)', part, re.DOTALL) for part in parts)
    return [(int(one[2]), one[1], " ".join(re.sub("<[^<>]*>|<!--.*?-->", " ", one[3]).split())) for one in found if one]


@pytest.mark.parametrize("kind", BLOCKS)
def test_each_block_of_a_preview_knows_its_line(kind: str) -> None:
    body, expected = BLOCKS[kind]
    assert blocks(preview(dataclasses.replace(every_shape(), body=body)).html) == expected


@given(body=BODIES)
def test_a_preview_is_the_mail_but_for_its_lines(body: str) -> None:
    file = dataclasses.replace(every_shape(), body=body)
    try:
        sent, shown = render.issue_mail(file, BRANDING, picture_url), preview(file)
    except Invalid:
        return
    assert re.sub(r' data-line="\d+"', "", shown.html) == sent.html
    assert "".join(words for _, words in plain_text.numbered_blocks(shown.text)) == sent.text


def test_the_mail_with_every_shape_has_no_lines() -> None:
    sent = render.issue_mail(every_shape(), BRANDING, picture_url)
    assert "data-line" not in sent.html
    assert "\0" not in sent.text


def test_nobody_writes_a_line_by_hand() -> None:
    body = '<p data-line="7">One</p>\n\n[Two](https://a.example){data-line=7 .button}\n'
    mail = render.issue_mail(dataclasses.replace(every_shape(), body=body), BRANDING, str)
    assert re.search("<[^<>]*data-line", mail.html) is None


def test_each_block_of_the_text_part_knows_its_line_and_the_rest_has_none() -> None:
    body = dedent("""\
        See [one](https://a.example).

        ## Two

        - Three
        - Four

        ```

        five
        ```
        """)
    numbered = plain_text.numbered_blocks(preview(dataclasses.replace(every_shape(), body=body)).text)
    assert [(line, words.split("\n")[0]) for line, words in numbered if line] == [
        (1, "See one [1]."),
        (3, "Two"),
        (5, "- Three"),
        (8, "    five"),
    ]
    assert "Did this help you?" in numbered[-1][1]
    assert numbered[-1][0] == 0
