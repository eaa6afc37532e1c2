import pytest

from newsletter.editorial import preflight
from newsletter.editorial.issue_file import IssueFile, parse
from newsletter.editorial.preflight import Finding, Level
from newsletter.editorial.render import CLIP_BYTES, Rendered

FRONT = """---
title: A tight back
subject: A tight back, in ten minutes
preheader: A short routine for the end of a long day at the desk.
sources: [{title: NHS, url: "https://www.nhs.uk/conditions/back-pain/"}]
---
"""
SOUND = FRONT + "Lie down for ten minutes. See a doctor when it does not get better.\n"


def check(source: str, size: int = 1_000) -> list[Finding]:
    return preflight.check(issue(source), Rendered("", "", "x" * size, ""))


def issue(source: str) -> IssueFile:
    return parse(source, "2026-11-24-a-tight-back.md")


def test_a_sound_issue_has_nothing_to_mend() -> None:
    assert check(SOUND) == []


def test_a_mail_that_gmail_would_clip_is_blocked_with_the_bytes_over() -> None:
    assert check(SOUND, CLIP_BYTES) == []
    (finding,) = check(SOUND, CLIP_BYTES + 1_234)
    assert (finding.level, "1,234 bytes over" in finding.message) == (Level.BLOCKING, True)


def test_a_picture_without_alt_text_is_blocked_at_its_line() -> None:
    (finding,) = check(SOUND + "\n![](back.png)\n")
    assert (finding.level, finding.line) == (Level.BLOCKING, 9)


@pytest.mark.parametrize("words", ["TK", "more here TODO", "Lorem ipsum dolor".lower()])
def test_a_placeholder_is_blocked_at_its_line(words: str) -> None:
    (finding,) = check(SOUND + f"\n{words}\n")
    assert (finding.level, finding.line) == (Level.BLOCKING, 9)


@pytest.mark.parametrize("claim", ["It cures a bad back.", "Relief guaranteed.", "It flushes toxins."])
def test_a_promise_that_nobody_can_keep_is_warned_of(claim: str) -> None:
    (finding,) = check(SOUND + f"\n{claim}\n")
    assert (finding.level, finding.line) == (Level.WARNING, 9)


def test_words_that_only_look_alike_are_left_alone() -> None:
    assert check(SOUND + "\nSecure the strap, stock up, and be accurate.\n") == []


def test_claims_without_sources_and_without_a_professional_are_warned_of() -> None:
    bare = "---\ntitle: A tight back\nsubject: A tight back, in ten minutes\n---\nLie down.\n"
    assert [finding.level for finding in check(bare)] == [Level.WARNING] * 3


def test_blocking_findings_come_first() -> None:
    levels = [finding.level for finding in check(FRONT + "Relief guaranteed. TK\n")]
    assert levels == sorted(levels, key=list(Level).index)
    assert levels[0] is Level.BLOCKING
