"""Rules for pictures: alt text, metadata, file size and dimensions."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from newsletter.editorial.preflight.context import CheckContext
from newsletter.editorial.preflight.facts import PictureSize
from newsletter.editorial.preflight.findings import Finding, blocking, note, warning
from newsletter.editorial.preflight.registry import rule
from newsletter.editorial.rendering.mail_html import WIDTH
from newsletter.editorial.source.article_blocks import PICTURE_WIDTHS
from newsletter.i18n import formats

HEAVY = 1_000_000
"""The size in bytes at which a picture takes some seconds to load on a phone."""

_RATHER_HEAVY = 300_000
_ENOUGH_PIXELS = 1_200
_ALL_TOGETHER = 2_000_000
_SHORT_ALT, _LONG_ALT = 5, 400
_FEW_WORDS = 50
_NAMELESS = re.compile(
    r"(?:an?\s|the\s)?(?:image|picture|photo|photograph|img|graphic|screenshot|logo|illustration|drawing|figure|alt"
    r"|alt text|untitled|placeholder|banner|hero|header)\s?\d*",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(r"(?:an?\s)?(?:image|picture|photo|photograph)\sof\b", re.IGNORECASE)
_A_FILES_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|webp)|(?:img|dsc|pxl|screenshot)[_\s-]?\d+.*", re.IGNORECASE)


@rule("WCAG 2.2, 1.1.1")
def pictures_have_alt_text(context: CheckContext) -> Iterator[Finding]:
    """A reader with images off, or a screen reader, gets the alt text instead."""
    for picture in context.pictures:
        if not picture.words and not picture.is_decorative:
            mend = "describe what it shows; write {.decorative} after it if there is nothing to miss"
            yield blocking(f"{picture.target} has no alt text", mend, picture.line)


@rule("WCAG 2.2, 1.1.1; W3C, An alt decision tree")
def alt_text_says_what_is_there(context: CheckContext) -> Iterator[Finding]:
    """“Image” or a file name in place of a picture is as good as nothing."""
    for picture in context.pictures:
        alt, name = picture.words, picture.target
        if alt and (_NAMELESS.fullmatch(alt) or _A_FILES_NAME.fullmatch(alt) or alt == PurePosixPath(name).stem):
            yield warning(f"the alt text of {name} is only “{alt}”", "describe what it shows", picture.line)
        elif alt and len(alt) < _SHORT_ALT:
            yield warning(
                f"the alt text of {name} has {formats.counted(len(alt), 'character')}",
                "describe what it shows",
                picture.line,
            )
        elif alt and alt == picture.title:
            yield note(
                f"{name} has the same alt text and caption", "let the alt text describe what it shows", picture.line
            )
        elif _ANNOUNCED.match(alt):
            yield note(
                f"the alt text of {name} begins by saying that it is a picture", "describe what it shows", picture.line
            )
        elif len(alt) > _LONG_ALT:
            yield note(
                f"the alt text of {name} has {len(alt)} characters", "move the details into the text", picture.line
            )


@rule()
def pictures_say_nothing_beside_what_they_show(context: CheckContext) -> Iterator[Finding]:
    """A photo may tell where it was taken, by whom and with which camera."""
    for picture in context.pictures:
        size = context.facts.pictures.get(picture.target)
        if size and not size.is_developed:
            yield warning(
                f"{picture.target} goes out as it was loaded, with any location and camera data in it",
                "load the issue again, or upload the picture here",
                picture.line,
            )


@rule()
def pictures_are_light(context: CheckContext) -> Iterator[Finding]:
    """Readers on the move pay for every byte, and leave before a heavy picture has loaded."""
    sizes = {picture.target: context.facts.pictures.get(picture.target) for picture in context.pictures}
    lines = {picture.target: picture.line for picture in context.pictures}
    for name, size in sizes.items():
        if size and size.bytes > HEAVY:
            yield warning(f"{name} weighs {_kilobytes(size.bytes)}", _lighter(size), lines[name])
        elif size and size.bytes > _RATHER_HEAVY and size.width > _ENOUGH_PIXELS:
            yield note(f"{name} weighs {_kilobytes(size.bytes)}", _lighter(size), lines[name])
    together = sum(size.bytes for size in sizes.values() if size)
    if together > _ALL_TOGETHER:
        yield warning(f"the pictures weigh {_kilobytes(together)} in all", "leave some out")


@rule()
def pictures_are_sharp(context: CheckContext) -> Iterator[Finding]:
    """A picture narrower than its column is stretched until it blurs."""
    figures = {element.attributes.get("alt") for element in context.page.tagged("img") if "width" in element.attributes}
    for picture in context.pictures:
        size = context.facts.pictures.get(picture.target)
        column = round(WIDTH * PICTURE_WIDTHS.get(next(iter(picture.widths), ""), 1))
        if size and size.width < column and picture.words in figures:
            yield note(
                f"{picture.target} is {size.width} pixels wide, but is shown {column} wide",
                f"use one at least {column} pixels wide, or better still {2 * column}",
                picture.line,
            )


@rule()
def widths_of_pictures_are_known(context: CheckContext) -> Iterator[Finding]:
    """Unknown words in braces do nothing, or are printed as they are."""
    known = f"write {{{'}, {'.join(f'.{name}' for name in PICTURE_WIDTHS)}}}, or nothing for the text’s full width"
    for picture in context.pictures:
        for unknown in picture.unknown:
            yield warning(f"“{unknown}” after {picture.target} means nothing here", known, picture.line)
        if len(picture.widths) > 1:
            yield warning(f"{picture.target} has more than one width; only the first counts", known, picture.line)


@rule()
def pictures_have_their_size(context: CheckContext) -> Iterator[Finding]:
    """Outlook shows a picture without a set width at its full size, however large."""
    alone = {
        element.attributes.get("alt") for element in context.page.tagged("img") if "width" not in element.attributes
    }
    for picture in context.pictures:
        if picture.words and picture.words in alone:
            yield note(f"{picture.target} is inside a paragraph", "give it a paragraph of its own", picture.line)


@rule()
def the_letter_is_more_than_pictures(context: CheckContext) -> Iterator[Finding]:
    """Many programs show no pictures at first, and spam filters distrust an email without words."""
    if context.pictures and context.word_count < _FEW_WORDS:
        yield warning(
            f"the issue has {context.word_count} words besides its pictures",
            "say in words what matters",
            context.pictures[0].line,
        )


def _lighter(size: PictureSize) -> str:
    """How to make it smaller: scaling down helps only a picture wider than mail shows."""
    if size.width > _ENOUGH_PIXELS:
        return f"save it smaller: {formats.number(_ENOUGH_PIXELS)} pixels are enough"
    return "choose a simpler one, or crop it to what matters; use fewer frames if it is animated"


def _kilobytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= HEAVY else f"{size // 1_000} kB"
