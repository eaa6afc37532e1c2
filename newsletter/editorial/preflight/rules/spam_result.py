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
    said = context.facts.spam
    if said is None:
        return
    if said.score is None or said.threshold is None:
        yield note(f"the spam filter has not checked it: {said.fault}", "")
        return
    points = f"SpamAssassin gives it {said.score:.1f} points, and {said.threshold:.1f} or more count as spam"
    why = f" ({', '.join(said.tests)})" if said.tests else ""
    if said.score >= said.threshold:
        yield warning(f"{points}{why}", "fix what these tests are about")
    elif said.score > _WORTH_A_WORD * said.threshold:
        yield note(f"{points}{why}", "fix what these tests are about, if it is easy")
