"""docs/preflight.md is true: it tells of every rule, with its reasons, and of no other."""

import inspect
import re
from pathlib import Path

from newsletter.editorial.preflight import all_rules
from newsletter.editorial.preflight.rules import links

DOCUMENT = (Path(__file__).parents[3] / "docs" / "preflight.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?!Rule)([^|]+?) \| ([a-z, ]+) \| ([^|]+?) \| ([^|]*?) ?\|$", re.MULTILINE)
LEVEL = re.compile(r"\b(blocking|warning|note)(?=\(|, written| if )|(?<= else )(warning|note)\b")


def test_every_rule_is_told_with_why_it_matters_and_where_it_comes_from() -> None:
    told = {name.lower(): (why, source) for name, _, why, source in ROW.findall(DOCUMENT)}
    assert told == {rule.name: (rule.why, rule.source) for rule in all_rules()}


def test_the_levels_told_are_those_that_a_rule_gives() -> None:
    told = {name.lower(): set(levels.split(", ")) for name, levels, _, _ in ROW.findall(DOCUMENT)}
    for rule in all_rules():
        source = inspect.getsource(rule.judge)
        given = {word for found in LEVEL.findall(source) for word in found if word}
        # One leaves it to another function what an answer weighs.
        assert told[rule.name] == given | ({"warning"} if "_judged" in source else set()), rule.name


def test_the_readme_counts_the_rules() -> None:
    assert f"by {len(all_rules())} rules" in (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def test_the_example_of_a_rule_is_the_rule_itself() -> None:
    example = inspect.getsource(links.links_can_be_seen)
    assert example in DOCUMENT
