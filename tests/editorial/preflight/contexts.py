"""Issues with something to correct, and one without, rendered as they would be sent."""

from dataclasses import replace

from newsletter.editorial import preflight
from newsletter.editorial.preflight import CheckContext, Facts, Finding, Level
from newsletter.editorial.rendering import render
from newsletter.editorial.source.issue_file import IssueFile, parse
from tests.editorial.sample_issues import BRANDING, picture_url

NAME = "2026-11-24-a-tight-back.md"
FRONT = """---
title: A tight back
subject: A tight back, in ten minutes
preheader: A short routine for the end of a long day at the desk.
category: Health
reviewed_by: The desk, 20 November 2026 (editorial review)
sources: [{title: "NHS, Back pain", url: "https://www.nhs.uk/conditions/back-pain/"}]
---
"""
SOUND = FRONT + "Lie down for ten minutes. See a doctor when it does not get better.\n"
GARDEN = FRONT.replace("category: Health\n", "category: Garden\n").replace("A tight back", "A tidy bed")


def issue(source: str, name: str = NAME) -> IssueFile:
    return parse(source, name)


def context(source: str, facts: Facts | None = None, name: str = NAME) -> CheckContext:
    """An issue set and pulled as it would be sent."""
    file = issue(source, name)
    return CheckContext(file, render.issue_mail(file, BRANDING, picture_url), facts or Facts())


def check(source: str, facts: Facts | None = None, name: str = NAME) -> list[Finding]:
    return preflight.run_rules(context(source, facts, name))


def body(text: str, facts: Facts | None = None) -> list[Finding]:
    """What is found in the sound issue with this text added; its first line is the file's eleventh."""
    return check(f"{SOUND}\n{text}\n", facts)


def front(facts: Facts | None = None, **fields: str) -> list[Finding]:
    """What is found in the sound issue with other fields; an empty one is left out."""
    lines = [line for line in SOUND.splitlines() if line.partition(":")[0] not in fields]
    more = [f"{key}: {value}" for key, value in fields.items() if value]
    return check("\n".join([lines[0], *more, *lines[1:]]) + "\n", facts)


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


def place(finding: Finding) -> tuple[Level, int | None, int | None]:
    return finding.level, finding.line, finding.column


def with_style(mail: CheckContext, before: str, after: str) -> CheckContext:
    """The same issue, with something in its HTML replaced."""
    assert before in mail.mail.html
    return CheckContext(mail.issue, replace(mail.mail, html=mail.mail.html.replace(before, after)), mail.facts)
