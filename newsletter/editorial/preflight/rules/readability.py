"""Rules for readability, for English text."""

import re
from collections.abc import Iterator

from newsletter.editorial.preflight.context import CheckContext
from newsletter.editorial.preflight.findings import Finding, note, warning
from newsletter.editorial.preflight.registry import rule

PLAIN, HARD = 50, 30
"""Flesch reading ease: 60 and more is plain English, below 50 college level, below 30 graduate level."""

_LEAST_WORDS = 100
_LONG_SENTENCE, _LONG_PARAGRAPH = 45, 160
_VOWELS = re.compile(r"[aeiouy]+")
_SILENT = re.compile(r"(?:[^laeiouy]e|ed|es)$")
_SOUNDED = re.compile(r"(?:[td]ed|(?:[cgsxz]|ch|sh)es)$")


@rule("R. Flesch, A new readability yardstick (1948)")
def the_text_reads_easily(context: CheckContext) -> Iterator[Finding]:
    """Readers are tired, in a hurry, or reading a second language; plain words reach them all."""
    if not context.is_english or context.word_count < _LEAST_WORDS:
        return
    ease = _reading_ease(context)
    if ease < PLAIN:
        level = warning if ease < HARD else note
        yield level(
            f"the text is hard to read: Flesch's reading ease is {ease:.0f}, and plain English scores 60 or more",
            "shorten sentences, and choose shorter words",
        )


@rule()
def sentences_are_short_enough(context: CheckContext) -> Iterator[Finding]:
    """By the end of a very long sentence its beginning is forgotten."""
    for sentence in context.sentences:
        if (count := len(sentence.words)) > _LONG_SENTENCE:
            yield note(f"a sentence has {count} words", "split it in two", sentence.line)


@rule()
def paragraphs_are_short_enough(context: CheckContext) -> Iterator[Finding]:
    """On a phone a long paragraph fills the screen, and the eye finds no place to rest."""
    words: dict[tuple[int, str], int] = {}
    first: dict[str, int] = {}
    for sentence in context.sentences:
        line = first.setdefault(sentence.paragraph, sentence.line)
        words[line, sentence.paragraph] = words.get((line, sentence.paragraph), 0) + len(sentence.words)
    for (line, _), count in words.items():
        if count > _LONG_PARAGRAPH:
            yield note(f"a paragraph has {count} words", "divide it", line)


def _reading_ease(context: CheckContext) -> float:
    """Flesch's reading ease of the running text: 100 very easy, 0 very hard."""
    sentences = [words for sentence in context.sentences if (words := sentence.words)]
    words = [word for sentence in sentences for word in sentence]
    if not words:
        return 100.0
    syllables = sum(map(_syllables, words))
    return 206.835 - 1.015 * len(words) / len(sentences) - 84.6 * syllables / len(words)


def _syllables(word: str) -> int:
    word = word.lower()
    count = len(_VOWELS.findall(word))
    if count > 1 and _SILENT.search(word) and not _SOUNDED.search(word):
        count -= 1
    return max(count, 1)
