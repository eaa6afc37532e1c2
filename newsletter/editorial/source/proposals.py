"""Proposals: a title, a subject and a preheader taken from the text, for an issue that has none yet."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from newsletter import characters
from newsletter.editorial.source import article_blocks, markdown
from newsletter.editorial.source.fields import SUBJECT_LENGTH
from newsletter.editorial.source.issue_file import IssueFile

PROPOSED = ("title", "subject", "preheader")

_UNTITLED = "Untitled"
_LISTED = 40
_READ = 2000
"""How many characters of a text are read for its first words."""
_TITLE = 70
_PREHEADER = 110
_SENTENCE = re.compile(r"\S.*?[.!?…。！？]+[\"'”’»)\]]*(?=\s|$)|\S.*", re.DOTALL)
_TRAILING = " ,;:–—-"
# “Hello Ada,” and “Dear friends!” say nothing about the issue.
_SALUTATION = re.compile(
    r"(?:\S+\s+){0,5}\S*[,，]|(?:hello|hi|hey|dear|good (?:morning|day|evening))\b[^.?]{0,40}", re.IGNORECASE
)
_MARKS = re.compile(r"[#>*_`|!\[\]{}-]+")
_FIELD = re.compile(r"\{\{[^{}|]*\|?([^{}]*)\}\}")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the text offers for each field; empty where it offers nothing that would be accepted."""

    title: str = ""
    subject: str = ""
    preheader: str = ""


@lru_cache(maxsize=64)
def propose(title: str, body: str) -> Proposal:
    """Proposals from a text; the subject comes from the title if there is one, else from the proposed one."""
    try:
        passages = list(_passages(body))
    except markdown.TooLarge:
        return Proposal()
    sentences = [each for kind, words in passages if kind == "p" for each in _SENTENCE.findall(words)]
    heading = next((words for kind, words in passages if kind == "h"), "")
    first = heading or next(iter(sentences), "")
    proposed = _as_title(first)
    # A preheader that only repeats the title wastes the line beside the subject.
    following = [each for each in sentences if _as_title(each) != proposed]
    subject = _subject(title or proposed, following)
    preheader = next((each for each in following if each not in subject), "")
    return Proposal(proposed, subject, _shortened(preheader, _PREHEADER))


def listed_title(file: IssueFile) -> str:
    """The title for lists: of a text without one, `Untitled` and its first words."""
    if file.title:
        return file.title
    words = _first_words(file.body[:_READ])
    return f"{_UNTITLED}: {_shortened(words, _LISTED)}" if words else _UNTITLED


def shown_length(line: str) -> int:
    """The characters of a line, counting each merge field as its fallback."""
    return len(_with_fallbacks(line))


def _subject(title: str, following: Sequence[str]) -> str:
    """The title, with the sentence that follows if it is too short for a subject."""
    longer = [title, *(f"{title}: {each}" for each in following[:1])] if title else []
    subjects = (_shortened(each, SUBJECT_LENGTH[-1]) for each in longer)
    return next((each for each in subjects if len(each) in SUBJECT_LENGTH), "")


def _as_title(sentence: str) -> str:
    return _shortened(sentence, _TITLE).rstrip(".。")


def _passages(body: str) -> Iterator[tuple[str, str]]:
    """The headings and paragraphs of a text as plain words, without salutations."""
    for before, token in pairwise(markdown.parse(body)):
        if token.type != "inline" or before.level or before.type not in {"heading_open", "paragraph_open"}:
            continue
        words = _with_fallbacks(article_blocks.plain_words(token.children or []))
        if words and not _SALUTATION.fullmatch(words):
            yield before.type[0], words


def _shortened(words: str, most: int) -> str:
    """The text, cut between two words and ended with an ellipsis if it is too long."""
    if len(words) <= most:
        return words
    cut = words[:most].rpartition(" ")[0] or words[: most - 1]
    return f"{cut.rstrip(_TRAILING)}…"


def _with_fallbacks(words: str) -> str:
    return _plain(_FIELD.sub(lambda field: field[1].strip(), words))


def _first_words(body: str) -> str:
    return next((words for _, words in _passages(body)), "") or _plain(_MARKS.sub(" ", body))


def _plain(words: str) -> str:
    """The words in one line, without what no title may hold."""
    return characters.trimmed(characters.as_line(words))
