import html.parser

import pytest
from hypothesis import given

from newsletter.editorial.source import markdown
from newsletter.editorial.source.markdown import Reference
from tests.editorial.sample_issues import BODIES


def to_html(body: str, **options: bool) -> str:
    return markdown.to_html(body, lambda name: f"https://letters.example.org/pictures/{name}", **options)


def test_html_in_the_text_is_printed_and_not_obeyed() -> None:
    assert to_html("a <b>b</b> <script>c</script>") == (
        "<p>a &lt;b&gt;b&lt;/b&gt; &lt;script&gt;c&lt;/script&gt;</p>\n"
    )


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd"]
)
def test_a_link_that_could_run_loses_its_address_and_keeps_its_words(address: str) -> None:
    assert to_html(f"[words]({address})") == "<p><a>words</a></p>\n"


def test_a_callout_is_an_aside_with_its_title() -> None:
    assert to_html("> [!TIP]\n> Breathe.") == (
        '<aside class="callout tip">\n<p class="callout-title">Tip</p>\n<p>Breathe.</p>\n</aside>\n'
    )


def test_a_link_that_is_alone_and_marked_becomes_a_button() -> None:
    assert to_html("[Book](https://example.org){.button}") == (
        '<p class="action"><a href="https://example.org" class="button">Book</a></p>\n'
    )


def test_a_marked_link_among_words_is_no_row_of_buttons() -> None:
    assert to_html("Please [book](https://example.org){.button} now").startswith("<p>Please ")


def test_a_picture_that_is_alone_becomes_a_figure_with_its_caption() -> None:
    assert to_html('![A "back"](my%20back.png "Three muscles")') == (
        '<figure><img src="https://letters.example.org/pictures/my back.png" alt="A &quot;back&quot;"/>'
        "<figcaption>Three muscles</figcaption></figure>\n"
    )


def test_a_picture_that_only_decorates_is_marked_and_the_mark_is_not_printed() -> None:
    address = "https://letters.example.org/pictures/line.png"
    assert to_html("![](line.png){.decorative}") == f'<figure><img src="{address}" alt=""/></figure>\n'
    assert to_html("Up ![](line.png){.decorative} down") == f'<p>Up <img src="{address}" alt=""/> down</p>\n'


@pytest.mark.parametrize(
    ("written", "tag", "unknown"),
    [
        ("{.half}", 'class="half" ', ()),
        ("{.small}", 'class="small" ', ()),
        ("{.decorative .three-quarters}", 'class="three-quarters" ', ()),
        ("{.half .small}", 'class="half" ', ()),
        ("{.HALF}", "", (".HALF",)),
        ("{.haf .callout}", "", (".haf", ".callout")),
        ("{width=50 onload=x style=y}", "", ("width=50", "onload=x", "style=y")),
        ("{." + "x" * 500 + "}", "", ("." + "x" * 500,)),
        ("{.متوسط .🙂}", "", (".متوسط", ".🙂")),
    ],
)
def test_a_picture_takes_only_the_widths_that_there_are(written: str, tag: str, unknown: tuple[str, ...]) -> None:
    body = f"![A back](back.png){written}"
    image = f'<img {tag}src="https://letters.example.org/pictures/back.png" alt="A back"/>'
    assert to_html(body) == f"<figure>{image}</figure>\n"
    assert to_html(f"Up {body} down") == f"<p>Up {image} down</p>\n"
    assert [one.unknown for one in markdown.references(markdown.parse(body))] == [unknown]


def test_braces_that_cannot_be_read_after_a_picture_are_noticed_and_merge_fields_are_not() -> None:
    body = '![A](a.png){width=50%} ![B](b.png){"><img src=x>} ![C](c.png){{ name }} ![D](d.png) {x}'
    found = [one.unknown for one in markdown.references(markdown.parse(body))]
    assert found == [("{width=50%}",), ('{"><img src=x>}',), (), ()]
    assert "&lt;img src=x&gt;" in to_html(body)


def test_the_largest_heading_of_a_text_stands_below_the_title() -> None:
    assert to_html("# One\n\n## Two") == "<h2>One</h2>\n<h2>Two</h2>\n"


def test_many_headings_of_the_same_words_each_have_an_id() -> None:
    html = to_html("## Comments\n\n" * 4_000, anchors=True)
    assert html.count("<h2 id=") == 4_000
    assert 'id="on-comments-3999"' in html


def test_headings_have_ids_of_their_own_where_they_are_asked_for() -> None:
    assert to_html("## Comments\n\n## Comments", anchors=True) == (
        '<h2 id="on-comments">Comments</h2>\n<h2 id="on-comments-1">Comments</h2>\n'
    )


@pytest.mark.parametrize("around", ["{}", "**{}**", "[{}](https://example.org)", "`{}`", "- {}", "> {}", "## {}"])
def test_a_merge_field_is_handed_on_untouched(around: str) -> None:
    assert "{{ unsubscribe_url | *a_b_c* }}" in to_html(around.format("{{ unsubscribe_url | *a_b_c* }}"))


def test_a_fallback_becomes_html_with_the_text_around_it() -> None:
    assert to_html("{{ name | <b> & co }}") == "<p>{{ name | &lt;b&gt; &amp; co }}</p>\n"


def test_braces_to_be_printed_keep_their_backslash_for_the_merge() -> None:
    assert to_html(r"\{{ x") == "<p>\\{{ x</p>\n"


def test_braces_written_as_entities_are_printed() -> None:
    assert to_html("&#123;{ name }}") == "<p>\\{{ name }}</p>\n"


def test_a_field_in_an_address_is_inert() -> None:
    assert to_html("[x](https://example.org/{{name}})") == (
        '<p><a href="https://example.org/%7B%7Bname%7D%7D">x</a></p>\n'
    )


def test_void_tags_are_closed_for_mjml() -> None:
    assert to_html("a\\\nb\n\n---\n\nc ![d](e.png)").count("/>") == 3


def test_no_reference_brings_a_character_into_the_html_that_mjml_cannot_read() -> None:
    told = to_html('One&#12;two &#xffff;&#0; [x](https://a.example "y&#12;z")')
    assert "One two" in told
    assert 'title="y z"' in told
    assert not set("\f\0\uffff") & set(told)


def test_tables_keep_their_alignment() -> None:
    assert '<td style="text-align:right">1</td>' in to_html("| a |\n|--:|\n| 1 |")


def test_references_tell_their_lines() -> None:
    tokens = markdown.parse('One [a *b*](https://example.org)\nand ![c](d.png "e")\n\n> - [e](f)')
    assert list(markdown.references(tokens)) == [
        Reference("link", "https://example.org", "a b", "", 1),
        Reference("picture", "d.png", "c", "e", 2),
        Reference("link", "f", "e", "", 4),
    ]


class _Inventory(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]


@given(BODIES)
def test_whatever_is_written_comes_out_clean(body: str) -> None:
    for anchors in (False, True):
        cleaned = to_html(body, anchors=anchors)
        found = _Inventory(cleaned)
        assert not found.tags & {"script", "style", "iframe", "form", "input", "mj-text", "b"}
        assert found.attributes <= {"href", "src", "alt", "title", "class", "id", "start", "style"}
        assert not any(address.lower().startswith(("javascript:", "data:")) for address in found.addresses)


@given(BODIES)
def test_cleaning_twice_changes_nothing(body: str) -> None:
    cleaned = to_html(body)
    assert markdown._VOID.sub(r"<\1/>", markdown._sanitiser().clean(cleaned)) == cleaned
