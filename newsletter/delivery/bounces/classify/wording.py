"""Phrases: a small language for the words that servers use, and text made comparable with them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Self

LONGEST = 2000
"""How many characters of a server's answer are examined; what matters is at its beginning."""

_GAP = 120
_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_REPLY = re.compile(r"(?<![\d.\w/-])(?<![\w\]]:)([45][0-5]\d)(?=[\s-]|$|[,;.)#])")
# The head that each line of a long reply repeats: "550-5.7.1 ".
_CONTINUED = re.compile(r"(?:^|\s)[245]\d\d-(?:[245]\.\d{1,3}\.\d{1,3}\s)?")
# An address or Message-ID, and the host whose answer Postfix tells: names, whatever words they are made of.
_NAMED = re.compile(r"[^\s<>@]+@[^\s<>@]+|\bhost \S+(?= said:)")
_SAME = str.maketrans({"’": "'", "‘": "'", "`": "'", "“": '"', "”": '"'})


@lru_cache(maxsize=16)
def comparable(text: str) -> str:
    """The text in lower case and one line, with simple quotes and without what a reply repeats in each line."""
    plain = " ".join(text[:LONGEST].translate(_SAME).lower().split())
    return " ".join(_CONTINUED.sub(" ", plain).split())


def without_names(text: str) -> str:
    """The text without addresses, and without the host that said it: policy@… and antispam.… are no reasons."""
    return _NAMED.sub("@", text)


def status_in(text: str) -> str:
    """The first enhanced status code (RFC 3463) in the text, one that says more than x.0.0 if there is; or empty."""
    found = _STATUS.findall(text)
    return next((each for each in found if not each.endswith(".0.0")), found[0] if found else "")


def reply_code_in(text: str) -> str:
    """The first SMTP reply code of a refusal in the text; empty if there is none."""
    found = _REPLY.search(text)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that an answer may hold: `*` stands for nothing, or up to 120 characters."""

    pieces: tuple[str, ...]
    status: str = ""
    """The enhanced code that has to stand beside them: `5.7.1`, or a range of its last number, `5.7.606-649`."""

    @classmethod
    @cache
    def compile(cls, rule: str) -> Self:
        """Read a rule: an enhanced code, words, or a code and words."""
        head, _, rest = rule.partition(" ")
        status = head if re.fullmatch(r"[245]\.\d+\.\d+(-\d+)?", head) else ""
        words = rest if status else rule
        first, *others = words.split("*")
        pieces = (first, *(each.lstrip() for each in others))
        return cls(tuple(piece for piece in pieces if piece), status)

    def is_in(self, text: str, status: str = "") -> bool:
        """Whether the answer says so; `text` is `comparable`."""
        if self.status and not _same_status(self.status, status):
            return False
        return not self.pieces or self._near(text)

    def _near(self, text: str) -> bool:
        first, *others = self.pieces
        start = text.find(first)
        while start >= 0:
            if _follow(text, start + len(first), others):
                return True
            start = text.find(first, start + 1)
        return False


@dataclass(frozen=True, slots=True)
class Phrases:
    """Many phrases; plain ones are stored apart, because they can be looked up much faster."""

    # Each behind three letters of it: few texts hold them, so most phrases need not be searched for.
    plain: tuple[tuple[str, str], ...]
    others: tuple[tuple[str, Phrase], ...]

    def any_in(self, text: str, status: str = "") -> bool:
        """Whether the answer, made comparable, holds any of them."""
        letters = _letters_in(text)
        # Not by `any`: its generator takes longer than the search itself.
        for three, piece in self.plain:
            if three in letters and piece in text:
                return True
        return any(three in letters and phrase.is_in(text, status) for three, phrase in self.others)


@lru_cache(maxsize=8)
def _letters_in(text: str) -> frozenset[str]:
    """Every three letters that follow each other, and the empty string."""
    return frozenset(text[at : at + 3] for at in range(len(text) + 1))


def _telling(piece: str) -> str:
    """Three letters of a phrase: the end of a word and the beginning of the next are rarest."""
    at = max(piece.find(" ", 1, -1), 1)
    return piece[at - 1 : at + 2] if len(piece) > 2 else ""


def separate(rules: str) -> Phrases:
    """Read rules, with `|` or a line's end between them; a line that begins with # is a comment."""
    lines = (line for line in rules.splitlines() if not line.strip().startswith("# "))
    phrases = [Phrase.compile(rule.strip()) for line in lines for rule in line.split("|") if rule.strip()]
    plain, others = [], []
    for each in phrases:
        first = each.pieces[0] if each.pieces else ""
        if len(each.pieces) == 1 and not each.status:
            plain.append((_telling(first), first))
        else:
            others.append((_telling(first), each))
    return Phrases(tuple(plain), tuple(others))


def _follow(text: str, end: int, pieces: Iterable[str]) -> bool:
    for piece in pieces:
        found = text.find(piece, end, end + _GAP + len(piece))
        if found < 0:
            return False
        end = found + len(piece)
    return True


def _same_status(rule: str, status: str) -> bool:
    first, _, last = rule.partition("-")
    if not last:
        return status == first
    subject, _, lowest = first.rpartition(".")
    its_subject, _, detail = status.rpartition(".")
    return its_subject == subject and detail.isdigit() and int(lowest) <= int(detail) <= int(last)
