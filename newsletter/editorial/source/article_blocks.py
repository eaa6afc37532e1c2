"""Article blocks beyond CommonMark: callouts, figures and rows of buttons."""

import re
from collections.abc import Sequence

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from newsletter.delivery.message import merge
from newsletter.i18n.messages import SOURCE, lazy_gettext, translate

CALLOUTS = {
    "note": lazy_gettext("Note"),
    "tip": lazy_gettext("Tip"),
    "important": lazy_gettext("Important"),
    "warning": lazy_gettext("Warning"),
    "caution": lazy_gettext("Caution"),
}
"""The kinds of callouts, and the title of one that has none of its own."""

PICTURE_WIDTHS = {"small": 1 / 3, "half": 1 / 2, "three-quarters": 3 / 4}
"""The widths of pictures, written as classes, each with its share of the text's width; without one it has all of it."""
DECORATIVE = "decorative"

_BRACES = re.compile(r"\{[^{}]*\}")


def mark_blocks(state: StateCore) -> None:
    """Rename the tokens of callouts, figures and button rows, and shift headings below the title's h1."""
    for place, token in enumerate(state.tokens):
        if token.type in {"heading_open", "heading_close"} and token.tag == "h1":
            token.tag = "h2"
        elif token.type == "alert_open":
            _callout(state.tokens, place, state.env.get("language", SOURCE))
        elif token.type == "alert_close":
            token.type, token.tag = "callout_close", "aside"
        elif token.type == "paragraph_open":
            _paragraph(*state.tokens[place : place + 3])
        elif token.type == "inline":
            _print_stray_braces(token.children or [])


def plain_words(tokens: Sequence[Token]) -> str:
    """The plain text of inline tokens, including the alt text of pictures."""
    return " ".join("".join(_word(token) for token in tokens).split())


def inside(tokens: Sequence[Token], place: int) -> list[Token]:
    """The tokens between the opening token at index `place` and its closing token."""
    level = tokens[place].level
    closing = next(end for end in range(place + 1, len(tokens)) if tokens[end].level == level)
    return list(tokens[place + 1 : closing])


def is_button(token: Token) -> bool:
    """Whether a link is written `[…](…){.button}`."""
    return token.type == "link_open" and "button" in str(token.attrs.get("class", "")).split()


def classes_of(image: Token) -> list[str]:
    """The classes of a picture, which is written `![](…){.decorative .half}`."""
    return str(image.attrs.get("class", "")).split()


def unknown_attributes(image: Token, follower: Token | None) -> list[str]:
    """Unknown words in braces after a picture: they are left out, or printed as they are."""
    classes = (name for name in classes_of(image) if name != DECORATIVE and name not in PICTURE_WIDTHS)
    others = (f"{key}={value}" for key, value in image.meta.get("insecure_attrs", {}).items())
    printed = _BRACES.match(follower.content) if follower and follower.type == "text" else None
    return [*(f".{name}" for name in classes), *others, *([printed[0]] if printed else [])]


def _print_stray_braces(children: list[Token]) -> None:
    # Merge fields are separate tokens; braces that are still in the text were written as entities.
    for token in children:
        if token.type == "text":
            token.content = merge.literal(token.content)


def _callout(tokens: list[Token], place: int, language: str) -> None:
    opening, title, words = tokens[place : place + 3]
    kind = opening.info.lower()
    opening.type, opening.tag, opening.attrs = "callout_open", "aside", {"class": f"callout {kind}"}
    title.attrs = {"class": "callout-title"}
    if words.content == CALLOUTS[kind]:
        words.content = translate(CALLOUTS[kind], language)
        words.children = [Token("text", "", 0, content=words.content)]


def _paragraph(opening: Token, text: Token, closing: Token) -> None:
    children = text.children or []
    picture = _only_picture(children)
    if picture:
        opening.type, closing.type = "figure_open", "figure_close"
        opening.tag = closing.tag = "figure"
        opening.hidden = closing.hidden = False
        text.children = [*children, *_caption(str(picture.attrs.get("title", "")))]
    elif _only_buttons(children):
        opening.type, closing.type = "action_open", "action_close"
        opening.hidden = closing.hidden = False
        opening.attrs = {"class": "action"}


def _only_picture(children: list[Token]) -> Token | None:
    """The picture if a paragraph consists of nothing else, whether or not it is linked."""
    match [child.type for child in children]:
        case ["image"]:
            return children[0]
        case ["link_open", "image", "link_close"] if not is_button(children[0]):
            return children[1]
    return None


def _caption(words: str) -> list[Token]:
    if not words:
        return []
    return [
        Token("caption_open", "figcaption", 1),
        Token("text", "", 0, content=words),
        Token("caption_close", "figcaption", -1),
    ]


def _only_buttons(children: list[Token]) -> bool:
    outer = [token for token in children if token.level == 0 and not _is_blank(token)]
    links = [token for token in outer if token.nesting == 1]
    return bool(links) and all(map(is_button, links)) and len(outer) == 2 * len(links)


def _is_blank(token: Token) -> bool:
    return token.type == "softbreak" or (token.type == "text" and not token.content.strip())


def _word(token: Token) -> str:
    if token.type == "image":
        return plain_words(token.children or [])
    return " " if token.type in {"softbreak", "hardbreak"} else token.content
