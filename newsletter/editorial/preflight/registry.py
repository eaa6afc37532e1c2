"""The rule registry: each rule is a function that takes a check context and yields findings.

    @rule("WCAG 2.2, 2.4.4")
    def links_can_be_seen(context: CheckContext) -> Iterator[Finding]:
        \"\"\"A link without words cannot be tapped, and a screen reader spells out its address.\"\"\"
        for link in context.links:
            if not link.words:
                yield blocking(f"a link to {link.target or 'nowhere'} has no words", "say where it leads", link.line)

The docstring says why the rule matters, the decorator's argument names its source, and docs/preflight.md lists both.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from newsletter.editorial.preflight.context import CheckContext
from newsletter.editorial.preflight.findings import Finding, Level

Check = Callable[[CheckContext], Iterator[Finding]]

_LEVELS = list(Level)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its name in words, why it matters, and its source (empty for our own)."""

    judge: Check
    name: str
    why: str
    source: str

    def findings(self, context: CheckContext) -> Iterator[Finding]:
        """The rule's findings, with `why`, `source` and `rule` filled in."""
        for finding in self.judge(context):
            yield replace(finding, why=self.why, source=self.source, rule=self.name)


_registered: list[Rule] = []


def rule(source: str = "") -> Callable[[Check], Check]:
    """Register a function as a rule."""

    def enter(judge: Check) -> Check:
        _registered.append(Rule(judge, judge.__name__.replace("_", " "), inspect.getdoc(judge) or "", source))
        return judge

    return enter


def all_rules() -> Sequence[Rule]:
    """Every rule, by its module and then as they stand there."""
    _load_modules()
    return sorted(_registered, key=lambda rule: rule.judge.__module__)


def run_rules(context: CheckContext) -> list[Finding]:
    """Every finding of every rule, by level, blocking ones first, then by line."""
    found = (finding for rule in all_rules() for finding in rule.findings(context))
    return sorted(found, key=lambda finding: (_LEVELS.index(finding.level), finding.line or 0, finding.column or 0))


@cache
def _load_modules() -> None:
    # Not before the first text is judged, which few processes do: all the patterns take time and memory to compile.
    package = importlib.import_module("newsletter.editorial.preflight.rules")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
