import pytest

from newsletter.editorial.rendering import mjml
from newsletter.editorial.rendering.mjml import RenderError
from newsletter.errors import Invalid


def letter(body: str, head: str = "") -> str:
    section = f"<mj-section><mj-column>{body}</mj-column></mj-section>"
    return f"<mjml><mj-head>{head}</mj-head><mj-body>{section}</mj-body></mjml>"


def test_inline_styles_go_to_their_elements_and_the_others_stay_in_the_head() -> None:
    head = """
        <mj-style inline="inline">.a p { color: #0f6b5c; }</mj-style>
        <mj-style>@media (prefers-color-scheme: dark) { .a p { color: #7fd1c0 !important; } }</mj-style>
        <mj-style>[data-ogsc] .a p { color: #7fd1c0 !important; }</mj-style>"""
    html = mjml.to_html(letter('<mj-text css-class="a"><p>Words</p></mj-text>', head))
    assert '<p style="color: #0f6b5c;">Words</p>' in html
    assert "@media (prefers-color-scheme: dark) { .a p { color: #7fd1c0 !important; } }" in html
    assert "[data-ogsc] .a p { color: #7fd1c0 !important; }" in html
    assert ".a p { color: #0f6b5c; }" not in html


def test_what_outlook_alone_reads_survives() -> None:
    html = mjml.to_html(letter("<mj-text>x</mj-text>"))
    assert "<!--[if mso | IE]>" in html


def test_no_font_is_fetched_from_anybody() -> None:
    html = mjml.to_html(letter('<mj-text font-family="Roboto, Open Sans, Lato, Ubuntu">x</mj-text>'))
    assert "@import" not in html
    assert "fonts.googleapis" not in html


@pytest.mark.parametrize("body", ["<mj-text><p>x</mj-text>", "<mj-text>a < b</mj-text>", "<mj-text><li>x</mj-text>"])
def test_malformed_mjml_is_our_own_error(body: str) -> None:
    with pytest.raises(RenderError, match="MJML cannot be read"):
        mjml.to_html(letter(body))


def test_a_tag_that_mjml_does_not_know_is_an_error() -> None:
    with pytest.raises(RenderError, match="MJML knows no <mj-buton>"):
        mjml.to_html(letter("<mj-text><mj-buton>x</mj-buton></mj-text>"))


def test_a_render_error_is_invalid() -> None:
    assert issubclass(RenderError, Invalid)


def test_merge_fields_pass_through() -> None:
    html = mjml.to_html(letter('<mj-button href="{{ confirm_url }}">{{ name | a &amp; b }}</mj-button>'))
    assert 'href="{{ confirm_url }}"' in html
    assert "{{ name | a &amp; b }}" in html


def test_a_bare_zero_in_a_padding_counts_in_the_width_that_outlook_gets() -> None:
    section = '<mj-section padding="36px 24px 0"><mj-column padding="0"><mj-text>padding="0"</mj-text></mj-column>'
    html = mjml.to_html(f'<mjml><mj-body width="600px">{section}</mj-section></mj-body></mjml>')
    assert '<td style="vertical-align:top;width:552px;">' in html
    assert 'padding="0"</div>' in html
