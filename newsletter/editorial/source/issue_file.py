"""Issue files: front matter and Markdown, parsed with all errors reported at once by line."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

from newsletter.editorial.source import markdown, validation
from newsletter.editorial.source.fields import Fields, Source
from newsletter.editorial.source.front_matter import Fault, FrontMatter, split
from newsletter.editorial.source.validation import PictureRef
from newsletter.errors import Invalid
from newsletter.i18n import formats

__all__ = [
    "MOST_BYTES",
    "Fault",
    "IssueFile",
    "PictureRef",
    "Source",
    "examine",
    "lasting",
    "parse",
    "parse_draft",
    "read",
]

MOST_BYTES = 1_000_000
_MOST_FAULTS = 25


@dataclass(frozen=True, slots=True)
class IssueFile:
    """A parsed issue; `source` is the whole file with LF line ends and no BOM."""

    title: str
    subject: str
    preheader: str
    slug: str
    category: str
    tags: tuple[str, ...]
    author: str
    reviewed_by: str
    last_reviewed: date | None
    sources: tuple[Source, ...]
    date: date | None
    """The date at the start of the file's name."""
    body: str
    """Markdown."""
    body_line: int
    """The line of the file on which the body starts."""
    pictures: tuple[PictureRef, ...]
    source: str


def read(path: Path) -> IssueFile:
    """Parse a file; Invalid lists every error, a line each.

    A title, a subject or a text may be empty, as in a draft that was dumped, but no field may be missing.
    """
    name = path.as_posix()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Invalid(f"{name}: cannot be read: {error.strerror}") from error
    try:
        issue, faults = examine(content.decode("utf-8"), name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Invalid(f"{name}:{line}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    if any(not fault.can_wait or fault.line is None for fault in faults):
        raise Invalid(_sentences(name, faults))
    return issue


def parse(source: str, name: str) -> IssueFile:
    """Parse a text; `name` gives its date and slug and precedes each error. Invalid lists every error."""
    issue, faults = examine(source, name)
    if faults:
        raise Invalid(_sentences(name, faults))
    return issue


def parse_draft(source: str, name: str) -> IssueFile:
    """Parse a text as `parse` does, but without insisting on a title, a subject and a body."""
    issue, faults = examine(source, name)
    if faults := lasting(faults):
        raise Invalid(_sentences(name, faults))
    return issue


def lasting(faults: Iterable[Fault]) -> list[Fault]:
    """The faults that keep a text from being saved."""
    return [fault for fault in faults if not fault.can_wait]


def examine(source: str, name: str) -> tuple[IssueFile, list[Fault]]:
    """Parse a text that is being written as far as possible; returns the issue and its first faults in line order.

    Raises Invalid only if the text is too large.
    """
    size = len(source.encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        raise Invalid(f"{name}: the file has {formats.number(size)} bytes; the limit is {formats.number(MOST_BYTES)}")
    text = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    issue, faults = _issue(text, split(text), PurePosixPath(name).stem)
    return issue, _first(sorted(faults, key=lambda fault: fault.line or 0))


def _issue(source: str, front: FrontMatter, stem: str) -> tuple[IssueFile, list[Fault]]:
    fields = Fields(front, stem)
    try:
        tokens, too_large = markdown.parse(front.body), []
    except markdown.TooLarge as error:
        tokens, too_large = [], [Fault(front.body_line, str(error))]
    issue = IssueFile(
        title=fields.title(),
        subject=fields.subject(),
        preheader=fields.template("preheader"),
        slug=fields.slug(),
        category=fields.words("category"),
        tags=fields.tags(),
        author=fields.words("author"),
        reviewed_by=fields.words("reviewed_by"),
        last_reviewed=fields.last_reviewed(),
        sources=fields.sources(),
        date=fields.date(),
        body=front.body,
        body_line=front.body_line,
        pictures=tuple(validation.pictures(tokens, front.body_line)),
        source=source,
    )
    return issue, [*fields.faults, *too_large, *validation.find_faults(front.body, tokens, front.body_line)]


def _first(faults: list[Fault]) -> list[Fault]:
    """As many of these faults as somebody reads, and how many more there are."""
    more = len(faults) - _MOST_FAULTS
    return faults if more <= 0 else [*faults[:_MOST_FAULTS], Fault(None, f"and {formats.number(more)} more")]


def _sentences(name: str, faults: list[Fault]) -> str:
    return "\n".join(_sentence(name, fault) for fault in faults)


def _sentence(name: str, fault: Fault) -> str:
    return f"{name}: {fault.text}" if fault.line is None else f"{name}:{fault.line}: {fault.text}"
