"""Kinds of claims: frames that claim too much, beside frames that only sound like them."""

from collections.abc import Iterator
from dataclasses import dataclass
from re import Pattern

from newsletter.editorial.preflight.health_claims.grammar import Lexicon, Match, Reading
from newsletter.editorial.preflight.health_claims.phrases import ENDINGS, FIXED
from newsletter.editorial.preflight.health_claims.words import NOUNS, VERBS

LEXICON = Lexicon(FIXED, NOUNS, VERBS, ENDINGS)

_NAMES = {
    "soon": """
        SOON|FOREVER|INSTANTLY
        IN_TIME noun DAY
        WITHIN ABOUT? ABOUT? NUM|NUMBER noun TIME
        WITHIN ABOUT? TIME-s
        BY few DAY|TIME|SOON
        """,
    "free": """
        ILL FREE
        FREE OF noun ILL
        WITHOUT noun ILL
        NO noun ILL
        ILL aux GONE
        PAINLESS
        """,
    "care": """
        noun MEDICINE|DOCTOR|SURGERY
        THAT noun MEDICINE|DOCTOR|SURGERY
        noun VISIT noun MEDICINE|DOCTOR|SURGERY
        """,
    "good": "ILL|RELIEF|SUCCESS|HEALTHY|WORK|CURE",
}


@dataclass(frozen=True, slots=True)
class ClaimKind:
    """Frames of one kind, and the frames of what only sounds like it."""

    frames: list[Pattern[str]]
    innocent: list[Pattern[str]]

    def found_in(self, reading: Reading) -> Iterator[Match]:
        if found := reading.matches(self.frames):
            innocent = reading.matches(self.innocent)
            yield from (one for one in found if not any(one.overlaps(other) for other in innocent))


class Claims:
    """Kinds of claims that are looked for together."""

    def __init__(self, *kinds: ClaimKind) -> None:
        self._kinds = kinds

    def found_in(self, text: str) -> list[Match]:
        """What sounds like such a claim, in order; some may overlap."""
        reading = LEXICON.read(text)
        return sorted(one for kind in self._kinds for one in kind.found_in(reading))


def kind(rows: str, innocent: str = "") -> ClaimKind:
    """A kind by its tables of frames, one in a line."""
    return ClaimKind(LEXICON.frames(rows, _NAMES), LEXICON.frames(innocent, _NAMES))
