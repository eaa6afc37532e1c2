"""Preflight: is an issue fit to print? One rule to a function; each finding says where, why and how to mend it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from newsletter.editorial.issue_file import IssueFile
from newsletter.editorial.render import CLIP_BYTES, Rendered

PREHEADER_MAX = 140


class Level(StrEnum):
    """How much a finding weighs; only `blocking` stops an issue."""

    BLOCKING = "blocking"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that preflight noticed; `line` counts from the top of the issue's file."""

    level: Level
    message: str
    line: int | None = None

    def __str__(self) -> str:
        place = f" (line {self.line})" if self.line else ""
        return f"{self.level.value}: {self.message}{place}"


Rule = Callable[[IssueFile, Rendered], Iterator[Finding]]


def check(issue: IssueFile, mail: Rendered) -> list[Finding]:
    """Every finding of every rule, the blocking ones first."""
    findings = [finding for rule in RULES for finding in rule(issue, mail)]
    return sorted(findings, key=lambda finding: (list(Level).index(finding.level), finding.line or 0))


def is_whole_in_gmail(_issue: IssueFile, mail: Rendered) -> Iterator[Finding]:
    """Gmail clips a message at 102 kB, and the unsubscribe link with it."""
    if mail.bytes > CLIP_BYTES:
        over = mail.bytes - CLIP_BYTES
        yield Finding(
            Level.BLOCKING, f"the mail is {over:,} bytes over the {CLIP_BYTES:,} that Gmail shows; shorten it"
        )


def pictures_have_alt_text(issue: IssueFile, _mail: Rendered) -> Iterator[Finding]:
    """A reader with images off, or a screen reader, gets the alt text instead."""
    for picture in issue.pictures:
        if not picture.alt.strip():
            yield Finding(Level.BLOCKING, f"{picture.name} has no alt text; say what it shows", picture.line)


def nothing_is_to_come(issue: IssueFile, _mail: Rendered) -> Iterator[Finding]:
    """TK and TODO are how writers mark what is still to come."""
    for line, text in _lines(issue):
        if re.search(r"\b(TK|TKTK|TODO|FIXME)\b|lorem ipsum", text):
            yield Finding(Level.BLOCKING, "a placeholder is left in the text; write what belongs there", line)


def preheader_is_given(issue: IssueFile, _mail: Rendered) -> Iterator[Finding]:
    """Without one, the inbox shows the first words of the mail."""
    if not issue.preheader:
        yield Finding(Level.WARNING, "there is no preheader; add one of 40 to 110 characters")
    elif len(issue.preheader) > PREHEADER_MAX:
        yield Finding(Level.NOTE, f"the preheader has {len(issue.preheader)} characters; inboxes show about 110")


def nothing_is_promised(issue: IssueFile, _mail: Rendered) -> Iterator[Finding]:
    """Health claims that no honest source carries."""
    for line, text in _lines(issue):
        if found := re.search(r"\b(cures?|cured|guaranteed?|miracle|detox(?:es|ify)?|toxins?)\b", text, re.IGNORECASE):
            word = found.group(0)
            yield Finding(Level.WARNING, f"“{word}” promises more than can be shown; say what is known", line)


def claims_have_sources(issue: IssueFile, _mail: Rendered) -> Iterator[Finding]:
    """A health letter names where it knows from."""
    if not issue.sources:
        yield Finding(Level.WARNING, "there are no sources; add at least one with title and url")


def a_professional_is_named(issue: IssueFile, _mail: Rendered) -> Iterator[Finding]:
    """Advice on the body says when to see somebody who can look at it."""
    if not re.search(r"\b(doctor|GP|physician|physiotherapist|clinician|health(?:care)? professional)\b", issue.body):
        yield Finding(Level.WARNING, "nothing says when to see a doctor or another professional; add a health note")


RULES: tuple[Rule, ...] = (
    is_whole_in_gmail,
    pictures_have_alt_text,
    nothing_is_to_come,
    preheader_is_given,
    nothing_is_promised,
    claims_have_sources,
    a_professional_is_named,
)


def _lines(issue: IssueFile) -> Iterator[tuple[int, str]]:
    return enumerate(issue.body.splitlines(), start=issue.body_line)
