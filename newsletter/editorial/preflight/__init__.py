"""Preflight: checks an issue before it is sent. One rule is one function; a finding says where, why and how to fix it.

findings     a finding: level, line, what is wrong, why it matters, how to fix it
registry     the decorator that registers a rule, and the function that runs them all
context      what a rule is given: the issue, its mail, and the facts
facts        what the text does not contain: picture sizes, link checks, earlier subjects
html_page, colours, weight   the parsed HTML of the mail, its colours, its bytes by block
health_claims   what a text promises or talks its readers out of, found by a small grammar
attribution  whether a claim is the letter's own, or quoted, denied or asked

The rules are in `rules/`. Whether an issue is blocked depends only on its text and its publication, never on the
network or the time.
"""

from newsletter.editorial.preflight.context import CheckContext
from newsletter.editorial.preflight.facts import Facts, PictureSize, SpamVerdict
from newsletter.editorial.preflight.findings import Finding, Level
from newsletter.editorial.preflight.registry import Rule, all_rules, rule, run_rules
from newsletter.editorial.rendering.render import Rendered
from newsletter.editorial.source.issue_file import IssueFile

__all__ = [
    "CheckContext",
    "Facts",
    "Finding",
    "Level",
    "PictureSize",
    "Rule",
    "SpamVerdict",
    "all_rules",
    "check",
    "rule",
    "run_rules",
]


def check(issue: IssueFile, mail: Rendered, facts: Facts | None = None) -> list[Finding]:
    """Every finding of every rule, the blocking ones first."""
    return run_rules(CheckContext(issue, mail, facts or Facts()))
