"""A small grammar of claims: words have roles, and a frame is a row of roles and gaps, such as “CURE noun ILL”.

A text is read into one letter a word, which stands for all the roles of that word. So a frame becomes a short regular
expression over these letters, whose gaps are bounded: the time grows with the text, and with nothing else.

In a frame,

    CURE|END        is a word of one of these roles
    END-s           is one in another form than its base: ends, ended, ending
    PERSON?         may be missing
    <STOP           stands before the match, and is no part of it
    noun few far    are gaps, of so many words and not beyond what the table of gaps says
    soon            is another name in lower case: any of the rows that it stands for
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

# “don't” is read as two words, and “pain-free” is, too.
_TOKEN = re.compile(
    r"n['’]t\b|['’][a-z]{1,2}\b|(?:(?!n['’]t\b)[^\W_\d])+|\d+(?:[.,]\d+)*|[%.!?;:…,()—–|]", re.IGNORECASE
)
_SPELLED_OUT = {"ca": "can", "wo": "will", "n't": "not", "cannot": "not", "'ll": "will"}
_MARKS = {**dict.fromkeys(".!?;…|", "STOP"), **dict.fromkeys(",:()—–", "PAUSE"), "%": "PERCENT"}
_GAPS = {
    "noun": ("^", "STOP|PAUSE|NOT|LINK", 4),
    "few": ("^", "STOP|PAUSE|NOT", 3),
    "far": ("^", "STOP", 9),
    "aux": ("", "AUX", 4),
}
"""For each gap the roles that it has no word of, or only words of, and its most words."""
_Y = re.compile(r"[^aeiou]y$")
_NUMBER = frozenset({"NUMBER"})
_FIRST_LETTER = 0xE000
_DOUBLED = re.compile(r"(?:^|[^aeiou])[aeiou][bdglmnpt]$")


@dataclass(frozen=True, slots=True, order=True)
class Match:
    """Where in a text a claim begins and ends."""

    start: int
    end: int

    def overlaps(self, other: "Match") -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as one letter a word, and where each word stands."""

    letters: str
    places: Sequence[tuple[int, int]]

    def matches(self, frames: Iterable[re.Pattern[str]]) -> list[Match]:
        """Each place where the text fits one of the frames."""
        found = (one.span() for frame in frames for one in frame.finditer(self.letters))
        return [Match(self.places[start][0], self.places[end - 1][1]) for start, end in found]


class Lexicon:
    """The roles of words, and of phrases of several words, in all their forms."""

    def __init__(
        self, fixed: Mapping[str, str], nouns: Mapping[str, str], verbs: Mapping[str, str], endings: Mapping[str, str]
    ) -> None:
        roles: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
        for table, forms in ((fixed, _one), (nouns, _numbers), (verbs, _tenses)):
            for role, words in table.items():
                for form, is_base in (pair for word in words.split(",") for pair in forms(" ".join(word.split()))):
                    roles[form] |= {role} if is_base else {role, f"{role}-s"}
        for mark, role in _MARKS.items():
            roles[mark] |= {role}
        self._endings = {ending: frozenset({role}) for ending, role in endings.items()}
        kinds = {frozenset[str](), _NUMBER, *self._endings.values(), *roles.values()}
        self._letters = {kind: chr(_FIRST_LETTER + n) for n, kind in enumerate(sorted(kinds, key=sorted))}
        self._words = {word: self._letters[kind] for word, kind in roles.items()}
        self._longest: defaultdict[str, int] = defaultdict(lambda: 1)
        for phrase in roles:
            first, *rest = phrase.split(" ")
            self._longest[first] = max(self._longest[first], 1 + len(rest))

    def read(self, text: str) -> Reading:
        """The text's words as letters; of phrases the longest counts."""
        words, places = [], []
        for token in _TOKEN.finditer(text):
            word = token[0].lower().replace("’", "'")
            words.append(_SPELLED_OUT.get(word, word))
            places.append(token.span())
        letters, spans, at = [self._words["."]], [(0, 0)], 0
        while at < len(words):
            length = self._length_of_phrase(words, at)
            letters.append(self._letter(" ".join(words[at : at + length])))
            spans.append((places[at][0], places[at + length - 1][1]))
            at += length
        return Reading("".join(letters), spans)

    def frames(self, rows: str, names: Mapping[str, str]) -> list[re.Pattern[str]]:
        """The frames of a table, one in a line."""
        return [re.compile(self._pattern(row, names)) for row in rows.strip().splitlines()]

    def _length_of_phrase(self, words: Sequence[str], at: int) -> int:
        longest = min(self._longest.get(words[at], 1), len(words) - at)
        lengths = range(longest, 1, -1)
        return next((length for length in lengths if " ".join(words[at : at + length]) in self._words), 1)

    def _letter(self, word: str) -> str:
        if letter := self._words.get(word):
            return letter
        kind = next((kind for ending, kind in self._endings.items() if word.endswith(ending)), frozenset[str]())
        return self._letters[_NUMBER if word[0].isdigit() else kind]

    def _pattern(self, row: str, names: Mapping[str, str]) -> str:
        return "".join(self._part(part, names) for part in row.split())

    def _part(self, part: str, names: Mapping[str, str]) -> str:
        if part.endswith("?"):
            return f"(?:{self._part(part[:-1], names)})?"
        if part.startswith("<"):
            return f"(?<={self._part(part[1:], names)})"
        if part in _GAPS:
            sign, roles, most = _GAPS[part]
            return f"[{sign}{self._members(roles)}]{{0,{most}}}"
        if part in names:
            return f"(?:{'|'.join(self._pattern(row, names) for row in names[part].strip().splitlines())})"
        return f"[{self._members(part)}]"

    def _members(self, roles: str) -> str:
        """The letters of the words that have one of the roles."""
        wanted = set(roles.split("|"))
        if unknown := wanted.difference(*self._letters):
            raise ValueError(f"No word has the role {', '.join(sorted(unknown))}.")
        return "".join(letter for kind, letter in self._letters.items() if wanted & kind)


def _one(word: str) -> Iterator[tuple[str, bool]]:
    yield word, True


def _numbers(noun: str) -> Iterator[tuple[str, bool]]:
    yield noun, True
    yield f"{noun}s" if noun.endswith("o") else _with_s(noun), False


def _tenses(verb: str) -> Iterator[tuple[str, bool]]:
    """The forms of a verb, whose irregular past follows it behind strokes: “throw/threw/thrown away”."""
    first, _, rest = verb.partition(" ")
    base, *past = first.split("/")
    stems = {base.removesuffix("e"), base + base[-1] if _DOUBLED.search(base) else base.removesuffix("e")}
    ongoing = {f"{base if base.endswith('ee') else stem}ing" for stem in stems}
    for form in {base, _with_s(base), *ongoing, *(past or (_with_y(stem, "ed") for stem in stems))}:
        yield f"{form} {rest}".rstrip(), form == base


def _with_s(word: str) -> str:
    if word.endswith(("s", "x", "o", "z", "ch", "sh")):
        return f"{word}es"
    return f"{word[:-1]}ies" if _Y.search(word) else f"{word}s"


def _with_y(stem: str, ending: str) -> str:
    return f"{stem[:-1]}i{ending}" if _Y.search(stem) else f"{stem}{ending}"
