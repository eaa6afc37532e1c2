"""MJML to mail HTML: the only module that imports `mjml` and `css_inline`.

mjml-python silently ignores unknown tags and `inline="inline"` on a style. Here an unknown tag is an error, and
inline styles work as MJML documents them. Both libraries take memory in every process, and few processes render.
"""

import re

from newsletter.errors import Invalid


class RenderError(Invalid):
    """The MJML is malformed; the message says how."""


_INLINE_STYLE = re.compile(r'<mj-style inline="inline">(.*?)</mj-style>', re.DOTALL)
_BODY = re.compile(r"(<body[^>]*>)(.*)(</body>)", re.DOTALL)
_LEFT_OVER = re.compile(r"</?(mj-[a-z-]+|mjml)\b")
_TAG = re.compile(r"<mj-[^>]*>")
_PADDING = re.compile(r'(?<=padding=")[^"]*(?=")')
_UNITLESS_ZERO = re.compile(r"(?<!\S)0(?!\S)")


def to_html(mjml: str) -> str:
    """A whole HTML document, with inline styles on their elements and all other styles in its head."""
    from mjml import mjml2html

    styles = "\n".join(_INLINE_STYLE.findall(mjml))
    try:
        # Without `fonts` a mail whose font list names Roboto or Open Sans would load it from Google.
        html = mjml2html(_TAG.sub(_with_units, _INLINE_STYLE.sub("", mjml)), fonts={})
    except ValueError as error:
        raise RenderError(f"the email's MJML cannot be read: {error}") from error
    left_over = _LEFT_OVER.search(html)
    if left_over:
        raise RenderError(f"MJML knows no <{left_over[1]}>, or not at this place")
    # Opened in a browser a mail is a page, which needs one main landmark: axe's landmark-one-main and region.
    return _inlined(_BODY.sub(r'\1<div role="main">\2</div>\3', html), styles)


def _with_units(tag: re.Match[str]) -> str:
    """The tag, each zero of its paddings in pixels: mjml-python ignores a shorthand with a bare 0 in its widths."""
    return _PADDING.sub(lambda padding: _UNITLESS_ZERO.sub("0px", padding[0]), tag[0])


def _inlined(html: str, styles: str) -> str:
    import css_inline

    # Styles in the head stay there: media queries for dark mode and small screens cannot be inlined.
    try:
        return css_inline.inline(
            html,
            extra_css=styles,
            inline_style_tags=False,
            keep_style_tags=True,
            load_remote_stylesheets=False,
        )
    except css_inline.InlineError as error:
        raise RenderError(f"the email's styles cannot be read: {error}") from error
