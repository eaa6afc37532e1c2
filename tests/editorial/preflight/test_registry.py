import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.editorial import preflight
from newsletter.editorial.preflight import CheckContext, Facts, Finding, Level, Rule, all_rules, registry, weight
from newsletter.editorial.preflight.findings import warning
from newsletter.editorial.rendering import render
from newsletter.editorial.source import issue_file
from newsletter.errors import Invalid
from tests.editorial.preflight.contexts import FRONT, SOUND, check, context
from tests.editorial.sample_issues import BODIES, BRANDING, every_shape, picture_url

NASTY = st.sampled_from(
    [
        *("TK", "the the", "cure", "no - - - - - cure", "![", "](", "(", ")", "[a](#)", "[](x)", "[a](http://[)", "Ã¤"),
        *("Tuesday 31 February 2026", "31/02", "# ", "### ", "> [!TIP]\n", "studies show 50%", "*|NAME|*", "\u200b"),
        *("<https://example.com>", "[x]: https://a.b\n", "![x](a.png)", "{{ name }}", "{{ email | }}", "May 99", "'\""),
    ]
)


def test_a_sound_issue_has_nothing_to_mend() -> None:
    assert check(SOUND) == []


def test_every_rule_says_in_one_sentence_why_it_matters() -> None:
    assert len(all_rules()) > 40
    for rule in all_rules():
        assert re.fullmatch(r"[A-Z“TK][^\n]+\.", rule.why), rule.name
    assert len({rule.name for rule in all_rules()}) == len(all_rules())


def test_adding_a_rule_takes_five_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all_rules()
    book: list[Rule] = []
    monkeypatch.setattr(registry, "_registered", book)

    @preflight.rule("The house")
    def backs_are_not_fronts(context: CheckContext) -> Iterator[Finding]:
        """A reader may lie the wrong way."""
        yield warning(f"{context.issue.title} is about backs", "turn it round", 2)

    assert [rule.name for rule in book] == ["backs are not fronts"]
    assert check(SOUND) == [
        Finding(
            Level.WARNING,
            "A tight back is about backs",
            "turn it round",
            2,
            why="A reader may lie the wrong way.",
            source="The house",
            rule="backs are not fronts",
        )
    ]


def test_every_finding_says_why_it_matters_and_blocking_ones_come_first() -> None:
    findings = check(FRONT + "Relief guaranteed. TK\n\n![](back.png)\n\n[here](https://example.com)\n")
    levels = [finding.level for finding in findings]
    assert levels == sorted(levels, key=list(Level).index)
    assert levels[0] is Level.BLOCKING
    assert all(finding.why and finding.mend and finding.rule for finding in findings)


def test_a_finding_reads_as_a_sentence_with_its_line() -> None:
    (finding,) = check(SOUND + "\nTK\n")
    assert str(finding) == "blocking: a placeholder is left in the text; write what belongs there (line 11)"


@given(st.lists(NASTY | BODIES | st.text(max_size=9), max_size=12).map("".join))
@example("- a\n\n\n\n\n\n" + "> " * 30)
@example("[a](https://a.b){.button} [b](https://b.c){.button}\n\n[a](https://a.b){.button}")
def test_no_text_whatever_crashes_preflight(text: str) -> None:
    try:
        file = issue_file.parse(FRONT + text, "2026-11-24-any.md")
    except Invalid:
        return
    found = CheckContext(file, render.issue_mail(file, BRANDING, picture_url), Facts(links_asked=False))
    findings = preflight.run_rules(found)
    lines = file.source.count("\n") + 1
    assert all(finding.line is None or 1 <= finding.line <= lines for finding in findings)
    assert weight.measure(found).total == len(found.page.html.encode())


@given(BODIES)
def test_each_block_of_the_mail_is_found_in_the_text(text: str) -> None:
    try:
        file = issue_file.parse(FRONT + text, "2026-11-24-any.md")
    except Invalid:
        return
    blocks = weight.measure(CheckContext(file, render.issue_mail(file, BRANDING, picture_url))).blocks
    assert all(block.line is not None for block in blocks[1:-1])


@pytest.mark.parametrize(
    "endless",
    [
        *(
            "." * 50_000,
            "no " + "-" * 50_000 + " cure",
            "](" * 20_000,
            "a " * 30_000,
            "the" + " " * 50_000,
            "*" * 20_000,
        ),
        *("a cure " * 3_500, "“" * 50_000, "STOP " * 10_000, "THE-" * 10_000, "it heals, " * 2_500),
        *("no " * 15_000 + "cure", "12:61 " * 8_000, "1" * 50_000, "1," * 25_000),
    ],
)
def test_no_text_holds_preflight_up(endless: str) -> None:
    found = context(f"{SOUND}\n{endless}\n")
    began = time.process_time()
    preflight.run_rules(found)
    assert time.process_time() - began < 5


def test_every_shape_of_an_article_has_its_weight_by_its_line() -> None:
    file = every_shape()
    heavy = weight.measure(CheckContext(file, render.issue_mail(file, BRANDING, picture_url)))
    kinds = {block.kind for block in heavy.blocks}
    assert kinds >= {"Heading", "Paragraph", "List", "Quote", "Callout", "Picture", "Button", "Table", "Code", "Rule"}
    source = file.source.split("\n")
    for block in heavy.blocks:
        if block.kind in {"Paragraph", "Heading"} and block.line:
            assert block.words.split()[0].strip("…") in source[block.line - 1]


@given(BODIES | st.text(max_size=40), st.booleans())
def test_no_half_done_text_crashes_preflight(text: str, has_front: bool) -> None:
    file, _ = issue_file.examine(f"{FRONT if has_front else ''}{text}", "2026-11-24-any.md")
    preflight.check(file, render.Rendered("", "", "", ""), Facts(links_asked=False))
