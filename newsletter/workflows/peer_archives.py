"""Archives of posts as other programs export them: Substack, Buttondown, Ghost and beehiiv."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from newsletter.audience.importing.reading import zip_reader
from newsletter.characters import storable
from newsletter.editorial.imported.convert import old_path
from newsletter.errors import Invalid, NotFound

PROGRAMS = {"substack": "Substack", "buttondown": "Buttondown", "ghost": "Ghost", "beehiiv": "beehiiv"}
"""The programs whose archives are read, with the names that people know them by."""
MOST_BYTES = 200 << 20
"""Of a file that is read as a whole, and of all posts in a zip."""
_TABLES = {"posts.csv": "substack", "emails.csv": "buttondown"}
"""The table of posts in a zip, and the program that writes it."""
_BODIES = (".html", ".md")
_LONGEST_CELL = 16 << 20
_UNPUBLISHED = "it was not published there"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OldPost:
    """A post as exported by another program."""

    key: str
    """What it was called there."""
    title: str
    subtitle: str
    slug: str
    path: str
    """Its path on the other site; empty if it is not known."""
    posted_at: datetime | None
    html: str = ""
    markdown: str = ""
    skipped: str = ""
    """Why it cannot be in the archive; empty if it can."""


def holds_posts(path: Path) -> bool:
    """Whether a file is a zip with the posts of a program that is known."""
    names = zip_reader.file_names(path)
    return bool(_TABLES.keys() & names) and any(name.endswith(_BODIES) for name in names)


def read_archive(path: Path, source: str = "", name: str = "") -> tuple[str, list[OldPost]]:
    """The program that an export is from, and its posts; Invalid, with the reason, if it is from none that is known.

    `name` is what people call the file.
    """
    name = name or path.name
    try:
        with path.open("rb") as file:
            magic = file.read(4)
            file.seek(0)
            if magic == zip_reader.MAGIC:
                with zip_reader.open_zip(file) as opened:
                    zip_reader.check_sizes(opened.infolist(), MOST_BYTES)
                    return _from_zip(opened, source)
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise NotFound(f"{name} cannot be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise Invalid(f"{name} is larger than {MOST_BYTES >> 20} MB")
    text = _text(name, content)
    if text.lstrip().startswith("{"):
        return _require_source("ghost", source, name), [_ghost(row) for row in _ghost_rows(name, text)]
    rows = _rows(text)
    if not rows or "content_html" not in rows[0]:
        raise Invalid(f"{name} is not an archive from Substack, Buttondown, Ghost or beehiiv")
    return _require_source("beehiiv", source, name), [_beehiiv(row) for row in rows]


def _from_zip(opened: ZipFile, source: str) -> tuple[str, list[OldPost]]:
    names = {name.rpartition("/")[2]: name for name in opened.namelist()}
    for table, recognised in _TABLES.items():
        if table in names:
            origin = _require_source(recognised, source, table)
            rows = _rows(_member(opened, names[table]))
            made, ending = (_substack, ".html") if recognised == "substack" else (_buttondown, ".md")
            bodies = {
                name.removesuffix(ending): _member(opened, full)
                for name, full in names.items()
                if name.endswith(ending)
            }
            return origin, [made(row, bodies) for row in rows]
    raise Invalid("this zip is not an archive from Substack (posts.csv) or Buttondown (emails.csv)")


def _member(opened: ZipFile, name: str) -> str:
    with zip_reader.open_member(opened, opened.getinfo(name)) as stream:
        return _text(name, stream.read())


def _substack(row: Row, bodies: Mapping[str, str]) -> OldPost:
    key, kind = row.get("post_id") or "", row.get("type") or "newsletter"
    slug, html = key.partition(".")[2], bodies.get(key, "")
    skipped = "" if row.get("is_published") == "true" else _UNPUBLISHED
    skipped = skipped or ("" if kind == "newsletter" else f"it is a {kind}")
    skipped = skipped or ("" if html.strip() else "its text is not in the zip")
    at = _moment(row.get("post_date"))
    title, subtitle = _words(row, "title"), _words(row, "subtitle")
    return OldPost(key, title, subtitle, slug, f"/p/{slug}", at, html=html, skipped=skipped)


def _buttondown(row: Row, bodies: Mapping[str, str]) -> OldPost:
    slug = row.get("slug") or ""
    text = bodies.get(slug, "")
    skipped = "" if text.strip() else "its text is not in the zip"
    at = _moment(row.get("publish_date"))
    title, subtitle = _words(row, "subject"), _words(row, "description")
    path = f"/archive/{slug}"
    return OldPost(row.get("id") or slug, title, subtitle, slug, path, at, markdown=text, skipped=skipped)


def _ghost(row: Row) -> OldPost:
    slug, html = str(row.get("slug") or ""), str(row.get("html") or "")
    skipped = "" if str(row.get("status")) in {"published", "sent"} else _UNPUBLISHED
    skipped = skipped or ("" if row.get("type", "post") == "post" else "it is a page")
    skipped = skipped or ("" if html.strip() else "the export has no HTML of it")
    at = _moment(row.get("published_at"))
    title, subtitle = _words(row, "title"), _words(row, "custom_excerpt")
    return OldPost(str(row.get("id") or slug), title, subtitle, slug, f"/{slug}", at, html=html, skipped=skipped)


def _beehiiv(row: Row) -> OldPost:
    path, html = old_path(row.get("url") or ""), row.get("content_html") or ""
    slug = path.rpartition("/")[2]
    skipped = "" if (row.get("status") or "").casefold() in {"confirmed", "published"} else _UNPUBLISHED
    skipped = skipped or ("" if html.strip() else "it has no text")
    at = _moment(row.get("publish_date") or row.get("created_at"))
    title, subtitle = _words(row, "web_title"), _words(row, "web_subtitle")
    return OldPost(row.get("id") or slug, title, subtitle, slug, path, at, html=html, skipped=skipped)


def _ghost_rows(name: str, text: str) -> Iterable[Row]:
    try:
        export = json.loads(text, object_hook=_storable_values)
        posts = export["db"][0]["data"]["posts"]
        return [row for row in posts if isinstance(row, dict)]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise Invalid(f"{name} is not an export of Ghost: it has no posts under db, data") from None


def _rows(text: str) -> list[dict[str, str]]:
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        return list(csv.DictReader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise Invalid(f"the table of posts cannot be read ({error})") from None
    finally:
        csv.field_size_limit(before)


def _text(name: str, content: bytes) -> str:
    try:
        return storable(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Invalid(f"{name[:60]!r} is not UTF-8") from None


def _storable_values(row: dict[str, Any]) -> dict[str, Any]:
    return {name: storable(value) if isinstance(value, str) else value for name, value in row.items()}


def _words(row: Row, name: str) -> str:
    return " ".join(str(row.get(name) or "").split())


def _moment(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text or "").strip().replace(" UTC", "+00:00"))
    except ValueError:
        return None
    # In the first and the last year of all, a time may have none in another zone.
    if not MINYEAR < at.year < MAXYEAR:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _require_source(recognised: str, asked: str, file_name: str) -> str:
    if asked and asked != recognised:
        raise Invalid(f"{file_name} was exported from {recognised}, not from {asked}")
    return recognised
