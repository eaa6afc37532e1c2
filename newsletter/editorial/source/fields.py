"""Front matter fields: each read and validated, with errors collected as faults."""

import re
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from newsletter import characters
from newsletter.characters import as_line
from newsletter.delivery.message import merge
from newsletter.editorial.source.front_matter import Entry, Fault, FrontMatter
from newsletter.errors import Invalid
from newsletter.i18n import formats

KNOWN = (
    *("title", "subject", "preheader", "slug", "category", "tags", "author"),
    *("reviewed_by", "last_reviewed", "sources"),
)

SUBJECT_LENGTH = range(10, 79)
"""Allowed lengths in characters, counting each merge field as its fallback."""

LONGEST_LINE = 200
_LONGEST_SLUG = 120
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_WEB = re.compile(r"https?://[^\s<>\"{}\\]+")
_DATED = re.compile(r"(\d{4}-\d{2}-\d{2})-(.+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Source:
    """A source that supports a claim."""

    title: str
    url: str


class Fields:
    """Reads the fields of one front matter, and collects errors in `faults`."""

    def __init__(self, front: FrontMatter, stem: str) -> None:
        self.entries = front.entries
        self.faults: list[Fault] = list(front.faults)
        # Unreadable front matter is one fault, not another one for each missing field.
        self.legible = bool(front.entries) or not front.faults
        self.stem = stem
        self._refuse_strangers()

    def title(self) -> str:
        """One line; no merge fields, because it is also the heading in the archive."""
        self._require("title")
        title = _visible(self.words("title"))
        if "{{" in title:
            self._fault("title", "title takes no merge fields, because it is also the heading in the archive")
        return title

    def subject(self) -> str:
        """One line of allowed length; merge fields are allowed."""
        self._require("subject")
        subject = _visible(self.template("subject"))
        length = _length(subject)
        if subject and length is not None and length not in SUBJECT_LENGTH:
            fits = f"{SUBJECT_LENGTH[0]} to {SUBJECT_LENGTH[-1]} fit an inbox line"
            self._fault("subject", f"subject has {formats.counted(length, 'character')}; {fits}")
        return subject

    def slug(self) -> str:
        """The issue's name in URLs; by default the file's name without its date."""
        dated = _DATED.fullmatch(self.stem)
        slug = self.words("slug") or (dated[2] if dated else self.stem)
        if len(slug) > _LONGEST_SLUG or not _SLUG.fullmatch(slug):
            self._fault("slug", f'slug "{slug}" cannot be used in a web address; use a-z, 0-9 and single hyphens')
        return slug

    def last_reviewed(self) -> date | None:
        """The day on which the reviewer last checked it; None if none is given."""
        text = self.words("last_reviewed")
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self._fault("last_reviewed", f'last reviewed "{text}" is not a date; write it as 2026-11-20')
            return None

    def date(self) -> date | None:
        """The date at the start of the file's name."""
        dated = _DATED.fullmatch(self.stem)
        if dated is None:
            return None
        try:
            return date.fromisoformat(dated[1])
        except ValueError:
            self.faults.append(Fault(None, f"the file's name begins with {dated[1]}, which is not a date"))
            return None

    def tags(self) -> tuple[str, ...]:
        """A list of tags."""
        tags = self._items("tags", "[massage, back pain]")
        return tuple(self._line(tag, "tags") for tag in tags)

    def sources(self) -> tuple[Source, ...]:
        """A list of mappings with a title and a URL each."""
        return tuple(self._source(item) for item in self._items("sources", "[{title: …, url: …}]"))

    def template(self, key: str) -> str:
        """One line that may contain merge fields."""
        text = self.words(key)
        for _, sentence in merge.field_errors(text, merge.EDITORS):
            self._fault(key, f"{key}: {sentence}")
        return text

    def words(self, key: str) -> str:
        """One line; empty if the field is absent."""
        entry = self.entries.get(key)
        return self._line(entry, key) if entry else ""

    def _line(self, entry: Entry, key: str) -> str:
        called = key.replace("_", " ")
        if not isinstance(entry.value, str):
            self._complain(entry, f"{called} must be one text; if it begins with a bracket, put it in quotes")
            return ""
        # A line break in a subject would end the header and start another one.
        if found := characters.forbidden_in_line(entry.value):
            self._complain(entry, f"{called} holds {characters.named(found)}; write it on one line")
        if len(entry.value) > LONGEST_LINE:
            self._complain(
                entry, f"{called} has {formats.number(len(entry.value))} characters; the limit is {LONGEST_LINE}"
            )
        return entry.value

    def _items(self, key: str, example: str) -> list[Entry]:
        entry = self.entries.get(key)
        if entry is None or entry.value == "":
            return []
        if not isinstance(entry.value, list):
            self._complain(entry, f"{key} must be a list, such as {example}")
            return []
        return entry.value

    def _source(self, item: Entry) -> Source:
        if not isinstance(item.value, dict) or set(item.value) != {"title", "url"}:
            self._complain(item, "each source has a title and a url, and nothing else")
            return Source("", "")
        title, url = (self._line(item.value[key], f"a source's {key}") for key in ("title", "url"))
        if not _WEB.fullmatch(url):
            self._complain(item, f'source "{title}" needs a full web address, not "{url}"')
        return Source(title, url)

    def _require(self, key: str) -> None:
        entry = self.entries.get(key)
        if entry is not None and isinstance(entry.value, str) and not _visible(entry.value):
            self.faults.append(Fault(entry.line, f"{key} is empty", can_wait=True))
        elif entry is None and self.legible:
            self.faults.append(Fault(None, f'front matter has no "{key}"', can_wait=True))

    def _refuse_strangers(self) -> None:
        for key, entry in self.entries.items():
            if key not in KNOWN:
                near = get_close_matches(key, KNOWN, 1)
                hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(KNOWN)}"
                self._complain(entry, f'unknown field "{key}"; {hint}')

    def _fault(self, key: str, text: str) -> None:
        entry = self.entries.get(key)
        self.faults.append(Fault(entry.line if entry else None, text))

    def _complain(self, entry: Entry, text: str) -> None:
        self.faults.append(Fault(entry.line, text))


def _visible(text: str) -> str:
    """The text; empty if all of its characters are invisible."""
    return text if characters.trimmed(text) else ""


def _length(template: str) -> int | None:
    try:
        compiled = merge.compile(template, merge.EDITORS)
    except Invalid:
        return None
    return len(compiled.fill(dict.fromkeys(compiled.fields, ""), as_line))
