"""Preflight: is an issue fit to print? One rule to a function; each finding says where, why and how to mend it.

findings   what is said: level, line, what is wrong, why it matters, how to mend it
rulebook   how a function becomes a rule, and how all of them are asked
galley     what a rule is given: the issue, its mail, and what is known beside them
known      the facts that the text does not hold: sizes, answers, earlier subjects
page, colours, weight   the mail's HTML read, its colours as they are seen, its bytes by block

The rules: inbox, merging, letter, linking, pictured, wording, dates, reading, health,
promises (with `reported`: whose words they are), leftovers, filtered.
What blocks depends on the text and the publication alone, never on the network or the hour.
"""

from newsletter.editorial.preflight.context import CheckContext
from newsletter.editorial.preflight.facts import Facts, PictureSize, SpamVerdict
from newsletter.editorial.preflight.findings import Finding, Level
from newsletter.editorial.preflight.registry import RULES, Rule, rule, run_rules
from newsletter.editorial.preflight.rules import (  # noqa: F401  (importing a module enters its rules)
    dates,
    health,
    images,
    inbox,
    leftovers,
    letter,
    links,
    merge_fields,
    promises,
    readability,
    spam_result,
    wording,
)
from newsletter.editorial.rendering.render import Rendered
from newsletter.editorial.source.issue_file import IssueFile

__all__ = [
    "RULES",
    "CheckContext",
    "Facts",
    "Finding",
    "Level",
    "PictureSize",
    "Rule",
    "SpamVerdict",
    "check",
    "rule",
    "run_rules",
]


def check(issue: IssueFile, mail: Rendered, known: Facts | None = None) -> list[Finding]:
    """Every finding of every rule, the blocking ones first."""
    return run_rules(CheckContext(issue, mail, known or Facts()))
