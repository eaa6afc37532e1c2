"""The colours of a mail: which text and background colours meet, in light and in dark mode.

It understands the CSS that our renderer writes: inline styles, and for dark mode `!important` rules within
`@media (prefers-color-scheme: dark)` with selectors of tags and classes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from newsletter.editorial.preflight.html_page import Element, HtmlPage

_DARK = re.compile(r"@media \(prefers-color-scheme: ?dark\) ?\{((?:[^{}]*\{[^{}]*\})*)")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
_STEP = re.compile(r"([a-z0-9]*)((?:\.[\w-]+)*)", re.IGNORECASE)
_COLOUR = re.compile(r"(?<![\w-])color:\s*(#[0-9a-fA-F]+)")
_GROUND = re.compile(r"(?<![\w-])background(?:-color)?:\s*(#[0-9a-fA-F]+)")
_BLANK = " \t\r\n\u00a0\u200c\u034f"

Step = tuple[str, frozenset[str]]
"""A tag (empty for any) and the classes that an element must have."""


@dataclass(frozen=True, slots=True)
class ColourPair:
    """A text colour on a background colour, as `#rrggbb`."""

    words: str
    ground: str


@dataclass(frozen=True, slots=True)
class _DarkRule:
    """A dark mode rule: its selector, and the colours that it sets (empty for none)."""

    steps: tuple[Step, ...]
    words: str
    ground: str

    @property
    def weight(self) -> tuple[int, int]:
        """CSS's specificity: classes, then tags."""
        return sum(len(classes) for _, classes in self.steps), sum(bool(tag) for tag, _ in self.steps)


@dataclass(frozen=True, eq=False, slots=True)
class _Seen:
    """The computed colours of an element; elements with the same path share one."""

    rules: tuple[_DarkRule, ...]
    path: tuple[Step, ...] = ()
    light: ColourPair = ColourPair("#000000", "#ffffff")
    dark: ColourPair = ColourPair("#000000", "#ffffff")
    hidden: bool = False


def pairs(page: HtmlPage) -> dict[tuple[str, ColourPair], str]:
    """Every pair of colours used for text, by scheme (`light`, `dark`), each with the first text that has it."""
    seen: dict[Element | None, _Seen] = {None: _start(page.html[: page.html.find("<body")])}
    found: dict[tuple[str, ColourPair], str] = {}
    for element in page.elements:
        above = seen[element.parent]
        seen[element] = look = _look(above, element.tag, element.attributes.get("class", ""), element.style)
        if not look.hidden and element.words.strip(_BLANK):
            found.setdefault(("light", look.light), element.words)
            found.setdefault(("dark", look.dark), element.words)
    return found


@lru_cache(maxsize=8)
def _start(head: str) -> _Seen:
    return _Seen(_dark_rules(head))


@lru_cache(maxsize=4_096)
def _look(above: _Seen, tag: str, classes: str, style: str) -> _Seen:
    path = (*above.path, (tag, frozenset(classes.split())))
    words, ground = _COLOUR.search(style), _GROUND.search(style)
    own = (_six(words[1]) if words else "", _six(ground[1]) if ground else "")
    light, dark = _over(above.light, *own), _over(_over(above.dark, *own), *_in_the_dark(path, above.rules))
    hidden = above.hidden or tag == "style" or "display:none" in style.replace(" ", "")
    return _Seen(above.rules, path, light, dark, hidden)


def _over(pair: ColourPair, words: str, ground: str) -> ColourPair:
    return replace(pair, words=words or pair.words, ground=ground or pair.ground)


def _in_the_dark(path: tuple[Step, ...], rules: tuple[_DarkRule, ...]) -> tuple[str, str]:
    """The dark mode colours of an element: of the most specific matching rule, the last of equals."""
    words = ground = ""
    for rule in rules:
        if _meets(rule.steps, path):
            words, ground = rule.words or words, rule.ground or ground
    return words, ground


def _meets(steps: tuple[Step, ...], path: tuple[Step, ...]) -> bool:
    if not _is_like(steps[-1], path[-1]):
        return False
    above = iter(reversed(path[:-1]))
    return all(any(_is_like(step, place) for place in above) for step in reversed(steps[:-1]))


def _is_like(step: Step, place: Step) -> bool:
    return step[0] in {"", place[0]} and step[1] <= place[1]


def _dark_rules(head: str) -> tuple[_DarkRule, ...]:
    """The dark mode rules in order of specificity."""
    rules = (rule for media in _DARK.findall(head) for found in _RULE.findall(media) for rule in _read(*found))
    return tuple(sorted(rules, key=lambda rule: rule.weight))


def _read(selectors: str, declared: str) -> Iterator[_DarkRule]:
    words, ground = _COLOUR.search(declared), _GROUND.search(declared)
    if not (words or ground):
        return
    for selector in selectors.split(","):
        steps = [_STEP.fullmatch(step) for step in selector.split()]
        if steps and all(steps):
            yield _DarkRule(
                tuple((step[1].lower(), frozenset(step[2].split(".")[1:])) for step in steps if step),
                _six(words[1]) if words else "",
                _six(ground[1]) if ground else "",
            )


def _six(colour: str) -> str:
    if not _HEX.fullmatch(colour):
        return ""
    return colour.lower() if len(colour) == 7 else "#" + "".join(digit * 2 for digit in colour[1:].lower())
