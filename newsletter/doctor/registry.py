"""The rule registry: each rule is a function that takes the facts and yields findings.

    @rule(Area.DKIM, "RFC 6376, 3.6.1")
    def each_key_is_published(facts: SystemFacts) -> Iterator[Finding]:
        \"\"\"A signature whose key is not in the DNS counts as none.\"\"\"

The docstring says why the rule matters; the decorator names its area and its source.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from newsletter.doctor.facts import SystemFacts
from newsletter.doctor.findings import Area, Finding, Level

Examine = Callable[[SystemFacts], Iterator[Finding]]

_AREAS, _LEVELS = [area.value for area in Area], list(Level)


@dataclass(frozen=True, slots=True)
class Check:
    """One rule: its area, its name in words, why it matters, and its source (empty for our own)."""

    examine: Examine
    area: Area
    name: str
    why: str
    source: str

    def findings(self, facts: SystemFacts) -> Iterator[Finding]:
        """The rule's findings, with what is known of the rule filled in."""
        for finding in self.examine(facts):
            yield replace(finding, area=self.area.value, why=self.why, source=self.source, rule=self.name)


CHECKS: list[Check] = []


def rule(area: Area, source: str = "") -> Callable[[Examine], Examine]:
    """Register a function as a rule."""

    def enter(examine: Examine) -> Examine:
        why = " ".join((inspect.getdoc(examine) or "").split())
        CHECKS.append(Check(examine, area, examine.__name__.replace("_", " "), why, source))
        return examine

    return enter


def run_checks(facts: SystemFacts) -> list[Finding]:
    """Every finding of every rule: area by area, in each the worst first."""
    found = [finding for check in CHECKS for finding in check.findings(facts)]
    return sorted(found, key=lambda finding: (_AREAS.index(finding.area), _LEVELS.index(finding.level)))
