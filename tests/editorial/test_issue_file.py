from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editorial.source import issue_file
from newsletter.editorial.source.issue_file import MOST_BYTES, IssueFile, PictureRef, Source
from newsletter.errors import Invalid

WHOLE = """---
title: Unwind a tight back
subject: "{{ name | Friend }}, unwind a tight back"
preheader: Three muscles worth knowing.
slug: unwind
category: Health
tags: [massage, back pain]
author: The desk
reviewed_by: A. Clinician
last_reviewed: 2026-11-20
sources:
  - title: "NHS: Back pain"
    url: https://www.nhs.uk/conditions/back-pain/
---
Hello {{ name | friend }},

![A back, seen from behind](backs/back.png "Three muscles")
and [a link](https://example.org/).
"""


def parse(source: str, name: str = "issues/2026-11-24-unwind-a-tight-back.md") -> IssueFile:
    return issue_file.parse(source, name)


def complaints(source: str, name: str = "issues/12-posture.md") -> list[str]:
    with pytest.raises(Invalid) as refusal:
        issue_file.parse(source, name)
    return str(refusal.value).splitlines()


def with_front(front: str, body: str = "Text.") -> str:
    return f"---\ntitle: Posture\n{front}\n---\n{body}\n"


def with_body(body: str) -> str:
    return with_front("subject: Sit, stand, walk", body)


def test_a_whole_file_is_read() -> None:
    assert parse(WHOLE) == IssueFile(
        title="Unwind a tight back",
        subject="{{ name | Friend }}, unwind a tight back",
        preheader="Three muscles worth knowing.",
        slug="unwind",
        category="Health",
        tags=("massage", "back pain"),
        author="The desk",
        reviewed_by="A. Clinician",
        last_reviewed=date(2026, 11, 20),
        sources=(Source("NHS: Back pain", "https://www.nhs.uk/conditions/back-pain/"),),
        date=date(2026, 11, 24),
        body=WHOLE.partition("---\nHello")[2].join(["Hello", ""]),
        body_line=15,
        pictures=(PictureRef("backs/back.png", 17, "A back, seen from behind"),),
        source=WHOLE,
    )


def test_title_and_subject_are_enough() -> None:
    issue = parse("---\ntitle: Posture\nsubject: Sit, stand, walk\n---\nText.", "2026-12-01-posture.md")
    assert (issue.slug, issue.date, issue.tags, issue.sources) == ("posture", date(2026, 12, 1), (), ())


def test_a_file_whose_name_has_no_date_has_none() -> None:
    issue = parse(with_body("Text."), "12-posture.md")
    assert (issue.slug, issue.date) == ("12-posture", None)


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_foreign_line_ends_and_a_byte_order_mark_make_no_difference(line_end: str) -> None:
    assert parse("\ufeff" + WHOLE.replace("\n", line_end)) == parse(WHOLE)


def test_a_missing_field_is_named() -> None:
    assert complaints("---\ntitle: Posture\n---\nText.") == ['issues/12-posture.md: front matter has no "subject"']


def test_every_problem_is_told_at_once_in_the_order_of_lines() -> None:
    front = "slug: Not A Slug\ntags: massage\npreheader: |\n  two\n  lines\nautor: me"
    assert complaints(with_front(front, "{{ nmae }}\n\n[x](javascript:alert(1))")) == [
        'issues/12-posture.md: front matter has no "subject"',
        'issues/12-posture.md:3: slug "Not A Slug" cannot be used in a web address; use a-z, 0-9 and single hyphens',
        "issues/12-posture.md:4: tags must be a list, such as [massage, back pain]",
        "issues/12-posture.md:5: preheader holds a line break or a control character; write it on one line",
        'issues/12-posture.md:8: unknown field "autor"; did you mean "author"?',
        'issues/12-posture.md:10: unknown field "nmae"; the fields here are: email, name',
        "issues/12-posture.md:12: link [x]: javascript: is not allowed; use https:, http: or mailto:",
    ]


@pytest.mark.parametrize(("length", "fits"), [(9, False), (10, True), (78, True), (79, False)])
def test_a_subject_fits_an_inbox_line(length: int, fits: bool) -> None:
    source = with_front(f"subject: {'x' * length}")
    if fits:
        assert len(parse(source).subject) == length
    else:
        sentence = f"subject has {length} characters; 10 to 78 fit an inbox line"
        assert complaints(source) == [f"issues/12-posture.md:3: {sentence}"]


def test_a_subject_is_measured_as_a_nameless_reader_sees_it() -> None:
    assert parse(with_front(f'subject: "{{{{ name | Friend }}}}, {"x" * 70}"')).subject.startswith("{{ name")


@pytest.mark.parametrize("value", [r'"a\r\nBcc: everybody@example.org"', r'"a\0b and so on"', r'"a\Lb and so on"'])
def test_a_subject_cannot_smuggle_a_header(value: str) -> None:
    [complaint] = complaints(with_front(f"subject: {value}"))
    assert "issues/12-posture.md:3: subject holds a line break or a control character" in complaint


def test_a_title_takes_no_merge_field() -> None:
    [complaint] = complaints("---\ntitle: For {{ name }}\nsubject: Sit, stand, walk\n---\nText.")
    assert complaint.startswith("issues/12-posture.md:2: title takes no merge fields")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("Text.", "1: front matter is missing; begin the file with a line ---, fields, and ---"),
        ("\n---\na: b\n---\nText.", "1: front matter is missing; begin the file with a line ---, fields, and ---"),
        ("---\ntitle: x\nText.", "1: front matter is not closed; put a line --- below its last field"),
        ("---\ntitle: a: b\n---\nText.", "2: front matter is not YAML: mapping values are not allowed here"),
        ("---\na: 1\nb: 'x\n---\nText.", "front matter is not YAML: found unexpected end of stream"),
        ("---\n- title\n---\nText.", "2: front matter has no fields; write each as `field: value`"),
        ("---\ntitle: !!python/name:os.system x\n---\nText.", "2: front matter is not YAML: a value that begins"),
        ("---\na: &a [x]\nb: [*a, *a]\n---\nText.", "2: front matter is not YAML: a value that begins"),
        ("---\ntags: [[[[[x]]]]]\n---\nText.", "2: front matter is not YAML: this is nested too deeply"),
        (f"---\ntags: {'[' * 100_000}\n---\nText.", "2: front matter is not YAML: this is nested too deeply"),
        ("---\ntitle: a\ntitle: b\n---\nText.", '3: "title" is given twice; first on line 2'),
        ("---\ntitle: \x07\n---\nText.", "2: front matter contains a character that YAML forbids: U+0007"),
        (with_body(""), "5: there is no text below the front matter"),
        (with_body("one\n\ntwo \x1b"), "7: the control character U+001B cannot be shown; delete it"),
        (with_body("\ud800"), "5: the control character U+D800 cannot be shown; delete it"),
        (with_body("\uffff"), "5: the control character U+FFFF cannot be shown; delete it"),
        (with_front("subject: {a: b}"), "3: subject must be one text; if it begins with a bracket, put it in quotes"),
        (
            with_front("last_reviewed: last week"),
            '3: last reviewed "last week" is not a date; write it as 2026-11-20',
        ),
        (with_front("subject:"), "3: subject is empty"),
        (with_front("sources: [{title: x}]"), "3: each source has a title and a url, and nothing else"),
        (with_front("sources: [{title: x, url: //x}]"), '3: source "x" needs a full web address, not "//x"'),
        (with_front(r'author: "\U00110000"'), "3: front matter is not YAML: this line cannot be read; retype it"),
        (with_front(r'author: "\UFFFFFFFF"'), "3: front matter is not YAML: this line cannot be read; retype it"),
        (with_front(r'"\U00110000": x'), "3: front matter is not YAML: this line cannot be read; retype it"),
        (with_front(r'tags: [a, "\ud83d"]'), "3: the escape for U+D83D is half a character; delete it"),
        (with_front(f"author: {'x' * 201}"), "3: author has 201 characters; the limit is 200"),
    ],
)
def test_a_malformed_file_says_where_and_how_to_mend_it(source: str, complaint: str) -> None:
    assert any(complaint in line for line in complaints(source))


@pytest.mark.parametrize(
    ("markdown", "complaint"),
    [
        ("![a](../secret.png)", 'picture "../secret.png": name a file beside the issue'),
        ("![a](%2e%2e/secret.png)", 'picture "../secret.png": name a file beside the issue'),
        ("![a](/etc/passwd.png)", 'picture "/etc/passwd.png": name a file beside the issue'),
        (r"![a](<a\b.png>)", "name a file beside the issue"),
        ("![a]()", 'picture "": name a file beside the issue'),
        ("![a](https://example.org/a.png)", "keep pictures beside the issue; one on another server can change"),
        ("![a](//example.org/a.png)", "keep pictures beside the issue"),
        ("![a](data:image/png;base64,AA)", "keep pictures beside the issue"),
        ("![a](drawing.svg)", "picture drawing.svg: mail programs do not show this kind; save it as PNG"),
        ("![{{ name }}](a.png)", "a picture's name, alt text and caption take no merge fields"),
        ('![a](a.png "&#123;{ name }}")', "a picture's name, alt text and caption take no merge fields"),
        ("[me](https://example.org/?who={{ email }})", "a web address takes no merge field,"),
        ("[me](https://example.org/{{email}})", "a web address takes no merge field,"),
        ("[x](data:text/html;base64,AA)", "link [x]: data: is not allowed"),
        ("`{{ 7*7 }}`", 'unknown field "7*7"'),
    ],
)
def test_what_cannot_be_printed_is_refused_with_its_line(markdown: str, complaint: str) -> None:
    [line] = complaints(with_body(f"First line\nsecond line {markdown}"))
    assert line.startswith("issues/12-posture.md:6: ")
    assert complaint in line


def test_many_problems_are_summed_up() -> None:
    lines = complaints(with_body("\n\n".join(["{{ x }}"] * 1000)))
    assert len(lines) == 26
    assert lines[-1] == "issues/12-posture.md: and 975 more"


def test_the_writing_page_tells_no_more_problems_than_somebody_reads() -> None:
    many = "\n".join(f"field{number}: x" for number in range(1000))
    _, faults = issue_file.examine(with_front(f"subject: Sit, stand, walk\n{many}"), "12-posture.md")
    assert len(faults) == 26
    assert (faults[-1].line, faults[-1].text) == (None, "and 975 more")


def test_a_file_that_is_not_utf8_names_the_byte_and_the_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.md"
    path.write_bytes("---\ntitle: café".encode("latin-1"))
    with pytest.raises(Invalid, match=r"latin.md:2: byte 14 is not UTF-8; save the file as UTF-8"):
        issue_file.read(path)


def test_a_file_that_is_not_there_is_invalid(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"gone.md: cannot be read: No such file"):
        issue_file.read(tmp_path / "gone.md")


def test_a_huge_file_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(Invalid, match=r"the file has 1,000,001 bytes; the limit is 1,000,000"):
        parse("x" * (MOST_BYTES + 1))


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("word " * 30_001, "5: the text has 150,005 characters; the limit for one issue is 150,000"),
        ("# a\n" * 10_000, "5: the text has 40,000 headings, links, table cells and other elements; the limit"),
        ("|a|b|\n|-|-|\n" + "|x|y|\n" * 3_000, "table cells and other elements; the limit for one issue is 20,000"),
    ],
)
def test_a_text_that_would_take_too_long_to_render_is_refused(body: str, complaint: str) -> None:
    assert complaint in complaints(with_body(body.strip()))[0]


def test_a_name_that_begins_with_no_real_day_is_refused() -> None:
    [complaint] = complaints(with_body("Text."), "issues/2026-13-40-posture.md")
    assert complaint.endswith("the file's name begins with 2026-13-40, which is not a date")


PIECES = st.sampled_from(
    [
        "---\n",
        "title: x\n",
        "subject: 'x",
        "{{ ",
        " }}",
        "![a](",
        "](",
        "> [!TIP]\n",
        "\r",
        "\x00",
        "&a ",
        "*a",
        "[",
        "{",
        "| ",
        "\n",
        ": ",
        *(
            '"',
            r"\x",
            r"\u",
            r"\U",
            "00110000",
            "ffffffff",
            "d800",
            "\\",
            "!!int ",
            "0x_",
            "1e999",
            "? ",
            "%YAML 1.2\n",
        ),
    ]
)


@given(st.lists(PIECES | st.text(max_size=8), max_size=25).map("".join), st.text(max_size=12))
def test_whatever_it_is_given_parse_reads_it_or_says_what_is_wrong(source: str, name: str) -> None:
    for text in (source, with_body(source), f"---\n{source}\n---\nText."):
        try:
            issue_file.parse(text, name)
        except Invalid:
            continue


def test_a_file_of_a_draft_may_have_an_empty_title_and_not_lack_one(tmp_path: Path) -> None:
    path = tmp_path / "2026-11-24-draft.md"
    path.write_text('---\ntitle: ""\nsubject: ""\n---\nSit less.\n', encoding="utf-8")
    assert issue_file.read(path).body == "Sit less.\n"
    path.write_text('---\nsubject: ""\n---\nSit less.\n', encoding="utf-8")
    with pytest.raises(Invalid, match='no "title"'):
        issue_file.read(path)
