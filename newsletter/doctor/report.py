"""The findings as text for people, grouped by area, and the last ones kept in the data folder for the desk."""

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path

from newsletter.doctor.findings import Finding, Level
from newsletter.i18n import formats
from newsletter.system import atomic_files

_MARKS = {Level.ERROR: "✗", Level.WARNING: "!", Level.HINT: "·", Level.OK: "✓"}
_WIDTH = 100
_KEPT = "doctor.json"
_INDENT = " " * 6
_wrap = partial(textwrap.wrap, width=_WIDTH, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False)


def as_text(findings: Sequence[Finding]) -> str:
    """All findings, area by area, with a summary at the end."""
    lines: list[str] = []
    for area, theirs in groupby(findings, key=lambda finding: finding.area):
        lines.append(area)
        for _, same in groupby(theirs, key=lambda finding: (finding.level, finding.why)):
            # A reason that several findings share is printed once.
            for at, finding in enumerate(same):
                lines += _lines(finding, with_reason=at == 0)
        lines.append("")
    return "\n".join([*lines, summary(findings)])


def summary(findings: Sequence[Finding]) -> str:
    """How many findings there are of each level, in a sentence."""
    counts = Counter(finding.level for finding in findings)
    found = [formats.counted(counts[level], level.value) for level in Level if counts[level] and level is not Level.OK]
    if not found:
        return "All is well."
    fine = formats.counted(counts[Level.OK], "check")
    return f"{', '.join(found)}; {fine} found nothing."


def _lines(finding: Finding, *, with_reason: bool) -> Iterator[str]:
    head = f"  {_MARKS[finding.level]} "
    word = "" if finding.level is Level.OK else f"{finding.level.value}: "
    about = "" if finding.message.startswith(finding.about) else f"{finding.about}: "
    message = f"{word}{about}{'; '.join(filter(None, (finding.message, finding.mend)))}"
    yield from _wrap(message, initial_indent=head)
    if finding.level is Level.OK:
        return
    if with_reason and finding.why:
        yield from _wrap(finding.why, initial_indent=_INDENT)
    # Not wrapped: it is there to be copied.
    for exact in filter(None, (finding.record and finding.record.zone_line, finding.line)):
        yield f"{_INDENT}  {exact}"


@dataclass(frozen=True, slots=True)
class Report:
    """The last findings that were kept, and when they were found."""

    at: datetime
    findings: Sequence[Finding]


def keep_report(folder: Path, findings: Sequence[Finding], at: datetime) -> None:
    """Keep the findings in the data folder, in place of the last ones; OSError if that is not possible."""
    document = {"at": at.isoformat(), "findings": [finding.as_json() for finding in findings]}
    atomic_files.write(folder / _KEPT, json.dumps(document, ensure_ascii=False).encode())


def last_report(folder: Path) -> Report | None:
    """The findings that were kept last; None if there are none that can be read."""
    try:
        document = json.loads((folder / _KEPT).read_bytes())
        findings = [Finding.from_json(each) for each in document["findings"]]
        return Report(datetime.fromisoformat(document["at"]), findings)
    except (OSError, ValueError, KeyError, TypeError):
        return None
