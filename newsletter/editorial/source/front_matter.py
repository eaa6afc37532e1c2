"""Front matter: the fields at the head of an issue's file, and the body below them."""

import re
from dataclasses import dataclass, field

from newsletter.editorial.source.entries import Entry, Fault

__all__ = ["Entry", "Fault", "FrontMatter", "split"]

_FENCE = re.compile(r"^---[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The parsed front matter, the body below it, and the syntax errors."""

    entries: dict[str, Entry]
    body: str
    body_line: int
    faults: list[Fault] = field(default_factory=list)


def split(source: str) -> FrontMatter:
    """Split a file into front matter and body; never raises, but lists faults. `source` has LF line ends."""
    fences = [fence for _, fence in zip(range(2), _FENCE.finditer(source), strict=False)]
    if not fences or fences[0].start() != 0:
        return _bare(source, Fault(1, "front matter is missing; begin the file with a line ---, fields, and ---"))
    if len(fences) == 1:
        return _bare("", Fault(1, "front matter is not closed; put a line --- below its last field"))
    # Imported here, because few processes read an issue, and all would pay for YAML.
    from newsletter.editorial.source.yaml_entries import read_entries

    opening, closing = fences
    body_line = source.count("\n", 0, closing.end()) + 2
    faults: list[Fault] = []
    entries = read_entries(source[opening.end() + 1 : closing.start()], faults)
    return FrontMatter(entries, source[closing.end() + 1 :], body_line, faults)


def _bare(body: str, fault: Fault) -> FrontMatter:
    return FrontMatter({}, body, 1, [fault])
