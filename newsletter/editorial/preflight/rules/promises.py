"""Rules for health promises: no cures or guarantees, and no advice against treatment."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from newsletter.editorial.preflight.attribution import is_reported
from newsletter.editorial.preflight.context import CheckContext, Passage
from newsletter.editorial.preflight.findings import Finding, warning
from newsletter.editorial.preflight.health_claims import PROMISES, TREATMENT, Claims, Match
from newsletter.editorial.preflight.registry import rule


@rule("FTC, Health Products Compliance Guidance (2022); CAP Code, section 12")
def nothing_is_promised(context: CheckContext) -> Iterator[Finding]:
    """A cure or a guarantee is a claim that no honest source carries, and in an advertisement it is against the law."""
    for passage in context.passages:
        for found in _own_claims(passage, PROMISES):
            yield warning(
                f"“{_flat(passage, found)}” promises more than can be proved",
                "say what is known, and how sure that is",
                *passage.place(found.start),
            )


@rule("CAP Code, rule 12.2; FTC, Health Products Compliance Guidance (2022)")
def nobody_is_talked_out_of_treatment(context: CheckContext) -> Iterator[Finding]:
    """A reader who stops taking medicine or stays away from the doctor because of an email may come to harm."""
    for passage in context.passages:
        for found in _own_claims(passage, TREATMENT):
            yield warning(
                f"“{_flat(passage, found)}” sounds as if nobody needed medicine or a doctor",
                "say that nobody should change a treatment without asking whoever prescribed it",
                *passage.place(found.start),
            )


def _own_claims(passage: Passage, kinds: Claims) -> Iterator[Match]:
    """The claims that the letter makes itself; of those that overlap, the first."""
    read_to = 0
    for found in _sounding_like(kinds, passage.text):
        if found.start >= read_to and not is_reported(passage, found):
            read_to = found.end
            yield found


@lru_cache(maxsize=512)
def _sounding_like(kinds: Claims, text: str) -> Sequence[Match]:
    # A text is judged anew while it is typed, and most of its passages are as before.
    return kinds.found_in(text)


def _flat(passage: Passage, found: Match) -> str:
    return " ".join(passage.text[found.start : found.end].split())
