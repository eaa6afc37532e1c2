"""What a comment may say, and the HTML that becomes of it."""

import pytest

from newsletter.engagement import comments_text
from newsletter.errors import Invalid


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Plain & <b>simple</b>", "<p>Plain &amp; &lt;b&gt;simple&lt;/b&gt;</p>"),
        ("*so* **much**", "<p><em>so</em> <strong>much</strong></p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>"),
        ("[here](https://a.example)", '<p><a href="https://a.example" rel="nofollow ugc noopener">here</a></p>'),
        ("[here](javascript:alert(1))", "<p>[here](javascript:alert(1))</p>"),
        ("[here](mailto:a@b.example)", '<p><a rel="nofollow ugc noopener">here</a></p>'),
        ("# no heading", "<p># no heading</p>"),
        ("![no picture](https://a.example/x.png)", None),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("`no code`", "<p>`no code`</p>"),
        ("{{ name }} {% raw %}", "<p>{{ name }} {% raw %}</p>"),
        ("مرحبا 👋🏽", "<p>مرحبا 👋🏽</p>"),
    ],
)
def test_a_comment_has_only_the_markdown_that_it_needs(text: str, html: str | None) -> None:
    found = comments_text.render_comment(comments_text.parse_text(text)).strip()
    assert "<img" not in found
    assert html is None or found == html


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Please write your comment first"),
        (" \r\n ", "Please write your comment first"),
        ("x" * 5_001, "it has 5,001 characters; the limit is 5,000"),
        ("x" * 100_000, "it has 100,000 characters"),
        ("http://a.b " * 21, "there are 21; the limit is 20"),
        ("evil \u202etxt", "turns the reading direction"),
        ("bell \x07", "control character"),
        ("null \0", "control character"),
    ],
)
def test_a_text_that_cannot_be_taken_is_refused_in_words(text: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        comments_text.parse_text(text)


def test_links_are_counted_however_they_are_written() -> None:
    assert comments_text.count_links("https://a.b HTTP://c.d [x](https://e.f) www.g.h plain.example") == 4


@pytest.mark.parametrize("text", [">" * 5_000, "[" * 5_000, "*" * 5_000, "- " * 2_500, "[a](" * 1_250, "_a_*b*" * 800])
def test_a_text_of_nothing_but_marks_is_rendered_like_any_other(text: str) -> None:
    assert comments_text.render_comment(comments_text.parse_text(text))
