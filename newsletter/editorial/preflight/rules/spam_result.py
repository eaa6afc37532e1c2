"""The rule that reports the spam filter's verdict (see `editorial.external_checks.spam_checks`)."""

from collections.abc import Iterator

from newsletter.editorial.preflight.context import CheckContext
from newsletter.editorial.preflight.findings import Finding, note, warning
from newsletter.editorial.preflight.registry import rule

_WORTH_A_WORD = 0.4
"""The share of the threshold from which on a score is reported."""


@rule("SpamAssassin, local tests")
def the_spam_filter_lets_it_pass(context: CheckContext) -> Iterator[Finding]:
    """What one filter takes for spam, others may too, and then nobody reads it."""
    verdict = context.facts.spam
    if verdict is None:
        return
    if verdict.score is None or verdict.threshold is None:
        yield note(f"the spam filter has not checked it: {verdict.fault}", "")
        return
    points = f"SpamAssassin gives it {verdict.score:.1f} points, and {verdict.threshold:.1f} or more count as spam"
    why = f" ({', '.join(verdict.tests)})" if verdict.tests else ""
    if verdict.score >= verdict.threshold:
        yield warning(f"{points}{why}", "fix what these tests are about")
    elif verdict.score > _WORTH_A_WORD * verdict.threshold:
        yield note(f"{points}{why}", "fix what these tests are about, if it is easy")
