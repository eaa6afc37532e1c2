"""Rules for wording: placeholders, doubled words, garbled characters, quotes, capitals."""

import re
from collections.abc import Iterator

from newsletter.editorial.preflight.context import CheckContext
from newsletter.editorial.preflight.findings import Finding, blocking, note, warning
from newsletter.editorial.preflight.registry import rule
from newsletter.i18n import formats

_TO_COME = re.compile(r"\b(?:TK(?:TK)*|TODO|FIXME)\b|\b[Ll]orem ipsum\b|\b[Dd]olor sit amet\b")
_CONTENT = (
    r"(?:text|headline|heading|title|caption|content|message|quote|link|image|photo|picture|name|date"
    r"|subject(?: line)?)"
)
_PERHAPS_TO_COME = re.compile(
    r"\b(?:TB[CDA]|tb[cda]|XXX+)\b|\bxxx+\b(?!\s*$)|\b[Xx]{2} ?(?:euros?|EUR|€|\$|£|%|[ap]m\b|Uhr|minutes|people)"
    r"|\?{3,}|@{3,}|\btodo:"
    r"|\[(?i:insert|your|placeholder|add|link|date|image|photo|picture|name here)\b[^\[\]]*\](?![(\[])"
    r"|(?i:[(<\[](?:insert|add|paste) [^()<>\[\]]{1,40}[)>\]](?!\()"
    rf"|\b(?:insert|add|type|write|enter|put|paste) (?:your (?!name)|a |the )?{_CONTENT} here\b"
    rf"|\b{_CONTENT} goes here\b"
    rf"|^\W*(?:your )?{_CONTENT} here\W*$|\bclick (?:here )?to (?:edit|add (?:text|a title))\b"
    r"|\b(?:image|photo|picture|text) placeholder\b|\bplaceholder (?:text|image|photo)\b|^\W*placeholder\b[: ]*$"
    r"|\b(?:asdf\w*|foo bar|blah blah)\b)"
)
_TWICE = re.compile(r"\b([^\W\d_]{2,})(\s+)\1\b", re.IGNORECASE)
_MEANT_TWICE = {"had", "that", "bye", "ha", "no", "so", "very", "really", "far", "many", "much", "now", "tut", "there"}
# UTF-8 decoded as Windows-1252 or Latin-1, and the replacement character.
_SPOILED = re.compile("Ã[\u0080-\u00bf¡-¿ƒ„†‡ˆ‰Š‹Œ]|â€[™œ\u009d“”˜¦¢–\u0093\u0094]|Â[\u00a0£°·»«©®]|ï»¿|ï¿½|\ufffd")
_UNSEEN = re.compile("[\u200b\u2060\ufeff\u00ad]")
_STRAIGHT, _CURLY = re.compile(r"(?<=\w)'(?=\w)|(?<!\w)\"(?=\w)"), re.compile("[‘’“”]")
_MARKS = re.compile(r"\*\*|(?<!\w)__\w|\]\s*\(https?:|\[\^?[^\[\]]+\]\s\(|(?<!\w)~~")
_MANY_EXCLAMATIONS = 3
_CAPITALS = re.compile(r"\b[^\W\d_a-zß-öø-ÿ]+(?:['’-][^\W\d_a-zß-öø-ÿ]+)*\b")
_RUN = re.compile(rf"{_CAPITALS.pattern}(?:[\s,.!?;:'’\"“”*_–—-]+{_CAPITALS.pattern}){{3,}}")
_LITTLE_WORDS = {
    *(
        "THE",
        "A",
        "AND",
        "YOU",
        "YOUR",
        "TO",
        "IS",
        "ARE",
        "THIS",
        "THAT",
        "OF",
        "FOR",
        "IN",
        "ON",
        "AT",
        "NOT",
        "WITH",
    ),
    *("BE", "DO", "BEFORE", "AFTER", "WILL", "CAN", "ALL", "WE", "OUR", "NOW", "NO", "EVERY", "BY", "FROM", "OR", "AS"),
    *("DER", "DIE", "DAS", "UND", "ZU", "MIT", "SIE", "NICHT", "LE", "LA", "LES", "ET", "DE", "EL", "Y"),
}
_WORD = re.compile(r"\b[^\W\d_]{4,}\b")
_LOUD_WORDS, _LOUD_SHARE = 10, 0.25
"""How many different words in capitals, and which share of all words, make a text count as shouting."""


@rule()
def nothing_is_to_come(context: CheckContext) -> Iterator[Finding]:
    """TK and TODO are how writers mark what is still to come."""
    for line in context.lines:
        if found := _TO_COME.search(line.text):
            yield blocking(
                "a placeholder is left in the text",
                "write what belongs there",
                *line.where(found),
            )
        elif found := _PERHAPS_TO_COME.search(line.text):
            yield warning(
                f"{found[0]} looks like a placeholder",
                "write what belongs there",
                *line.where(found),
            )


@rule()
def no_word_is_there_twice(context: CheckContext) -> Iterator[Finding]:
    """The writer's eye skips it, and the reader's does not."""
    if not context.is_english:
        return
    for first, text in context.paragraphs:
        for found in _TWICE.finditer(text):
            if found[1].lower() not in _MEANT_TWICE:
                line = first + text.count("\n", 0, found.start())
                yield warning(f"“{' '.join(found[0].split())}” is repeated", "delete one", line)


@rule()
def no_character_is_spoiled(context: CheckContext) -> Iterator[Finding]:
    """Text that was copied through a program with another encoding shows â€™ in place of an apostrophe."""
    for line in context.lines:
        if found := _SPOILED.search(line.raw):
            yield warning(
                f"“{found[0]}” was garbled when it was copied",
                "type it again",
                *line.where(found),
            )
        elif found := _UNSEEN.search(line.raw):
            yield note(
                f"there is an invisible character here (U+{ord(found[0]):04X})",
                "delete it",
                *line.where(found),
            )


@rule()
def quotes_are_of_one_kind(context: CheckContext) -> Iterator[Finding]:
    """Straight and curly quotes beside each other look pasted together."""
    straight = [(line, found) for line in context.lines for found in [_STRAIGHT.search(line.text)] if found]
    if straight and any(_CURLY.search(line.text) for line in context.lines):
        line, found = straight[0]
        lines = f"{formats.counted(len(straight), 'line')} {formats.plural(len(straight), 'has', 'have')}"
        yield note(
            f"{lines} straight quotes, and others have curly ones",
            "choose one kind",
            *line.where(found),
        )


@rule()
def no_mark_is_printed(context: CheckContext) -> Iterator[Finding]:
    """Markdown that was not understood is printed as it was typed."""
    for token in context.tokens:
        for child in token.children or [] if token.type == "inline" else []:
            if child.type == "text" and token.map and (found := _MARKS.search(child.content)):
                yield warning(
                    f"“{found[0]}” would be printed as it stands",
                    "fix the Markdown around it, such as spaces inside the marks",
                    context.issue.body_line + token.map[0],
                )
                break


@rule()
def the_text_does_not_shout(context: CheckContext) -> Iterator[Finding]:
    """Exclamation marks wear off: where everything is exciting, nothing is."""
    lines = [line for line in context.lines if "!" in line.text.replace("![", "").replace("[!", "")]
    marks = sum(line.text.replace("![", "").replace("[!", "").count("!") for line in lines)
    if marks > _MANY_EXCLAMATIONS:
        yield note(f"there are {marks} exclamation marks", "keep one", lines[0].number)


@rule()
def the_text_is_not_in_capitals(context: CheckContext) -> Iterator[Finding]:
    """Capitals are hard to read, and where everything is loud nothing stands out."""
    body = [passage for passage in context.passages if passage.lines[0].number >= context.issue.body_line]
    runs = [(passage, found) for passage in body for found in _RUN.finditer(passage.text) if _is_shouted(found[0])]
    for passage, found in runs:
        words = " ".join(found[0].split()[:5])
        yield warning(f"“{words} …” is written in capitals", "write it as a sentence", *passage.place(found.start()))
    all_words = [word for passage in body for word in _WORD.findall(passage.text)]
    loud = [word for word in all_words if word.isupper()]
    if not runs and len(set(loud)) >= _LOUD_WORDS and len(loud) > _LOUD_SHARE * len(all_words):
        yield warning(f"{len(loud)} words are written in capitals", "use **bold** for the few that matter")


def _is_shouted(run: str) -> bool:
    """Whether it is a sentence, and not a list of acronyms such as NASA, ESA, WHO."""
    words = _CAPITALS.findall(run)
    is_sentence = not _LITTLE_WORDS.isdisjoint(words) or (len(words) > 4 and not re.search(r"[A-Z],", run))
    return run.isupper() and is_sentence
