"""The rulebook: each rule is a function that is given a galley and yields what it finds there.

    @rule("WCAG 2.2, 2.4.4")
    def links_can_be_seen(galley: CheckContext) -> Iterator[Finding]:
        \"\"\"A link without words cannot be tapped, and a screen reader spells out its address.\"\"\"
        for link in galley.links:
            if not link.words:
                yield blocking(f"a link to {link.target or 'nowhere'} has no words", "say where it leads", link.line)

That is all of it: the docstring is why the rule matters, the argument where it comes from, and docs/preflight.md
lists both.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from newsletter.editorial.preflight.context import CheckContext
from newsletter.editorial.preflight.findings import Finding, Level

Check = Callable[[CheckContext], Iterator[Finding]]

_LEVELS = list(Level)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, with its name as words, why it matters, and where it comes from (empty for our own)."""

    judge: Check
    name: str
    why: str
    source: str

    def findings(self, galley: CheckContext) -> Iterator[Finding]:
        """What the rule finds, with its reasons."""
        for finding in self.judge(galley):
            yield replace(finding, why=self.why, source=self.source, rule=self.name)


RULES: list[Rule] = []


def rule(source: str = "") -> Callable[[Check], Check]:
    """Enter a function in the rulebook."""

    def enter(judge: Check) -> Check:
        RULES.append(Rule(judge, judge.__name__.replace("_", " "), inspect.getdoc(judge) or "", source))
        return judge

    return enter


def run_rules(galley: CheckContext) -> list[Finding]:
    """Every finding of every rule, the blocking ones first, each level from the top of the file down."""
    found = (finding for rule in RULES for finding in rule.findings(galley))
    return sorted(found, key=lambda finding: (_LEVELS.index(finding.level), finding.line or 0, finding.column or 0))
