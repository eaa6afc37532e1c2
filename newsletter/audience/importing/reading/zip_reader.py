"""Zips as peers write them: the lists in one are read as streams, and nothing is unpacked to the disk.

What a stranger made may unpack to more than any disk holds, or name files elsewhere: such a zip is refused before a
byte of it is unpacked. A zip or a workbook within it is not opened, but named.
"""

import lzma
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

from newsletter.audience.importing import headers
from newsletter.audience.importing.headers import FieldKind
from newsletter.errors import Invalid
from newsletter.i18n import formats

MAX_ENTRIES = 50_000
"""An archive of posts has a file for each of them."""
MAX_UNPACKED = 4 << 30
"""Bytes of all lists together."""
MAX_RATIO = 200
"""How many times its packed size a list may have; text packs to a tenth, and what is made to burst to a thousandth."""
_ALWAYS_FINE = 1 << 20
MAGIC = b"PK\x03\x04"
_UNREADABLE = (BadZipFile, NotImplementedError, OSError, RuntimeError, ValueError)
BROKEN = (BadZipFile, EOFError, NotImplementedError, lzma.LZMAError, zlib.error)
_LISTS = (".csv", ".tsv", ".txt")
_CLOSED = (".zip", ".gz", ".7z", ".rar", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers")
"""What may hold a list and has to be unpacked first, or imported by itself."""
_LONGEST_HEADER = 1 << 14
_BETWEEN_CELLS = re.compile("[,;|\t]")
_ENCRYPTED = 0x1
_DAMAGED = "this zip is damaged or cut off; download it again"


@contextmanager
def open_zip(file: IO[bytes]) -> Iterator[ZipFile]:
    """Open a zip whose sizes and names were checked; Invalid, with the reason, for one that is not to be trusted."""
    try:
        opened = ZipFile(file)
    except _UNREADABLE:
        raise Invalid(_DAMAGED) from None
    with opened:
        entries = opened.infolist()
        if len(entries) > MAX_ENTRIES:
            raise Invalid(f"this zip has {len(entries)} entries, and {MAX_ENTRIES} are read")
        for entry in entries:
            _check_name(entry.filename)
        yield opened


def file_names(path: Path) -> list[str]:
    """The names of the files in a zip, without their folders; none for anything else, and for a damaged zip."""
    # A pipe that was read already would never answer.
    if not path.is_file():
        return []
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return []
            with open_zip(file) as opened:
                return [_file_name(entry) for entry in opened.infolist() if not entry.is_dir()]
    except (Invalid, OSError):
        return []


def list_members(opened: ZipFile, patterns: list[str], unread: list[str]) -> list[ZipInfo]:
    """The lists in a zip: those that a peer's pattern knows, else the only one; the others are named in `unread`.

    Invalid if none or several could be the list, or if those who have left may be in what cannot be read here.
    """
    entries = [entry for entry in opened.infolist() if _is_of_kind(entry, _LISTS)]
    closed = [entry for entry in opened.infolist() if _is_of_kind(entry, _CLOSED)]
    known = [entry for entry in entries if any(re.fullmatch(one, _file_name(entry), re.IGNORECASE) for one in patterns)]
    # Somebody may have laid a list of those who left beside the program's own; then it has to be said what is in it.
    beside = [entry for entry in entries if entry not in known and headers.names_the_gone(_file_name(entry))]
    chosen = known + beside if known else entries
    if suspects := [entry for entry in closed if headers.names_the_gone(_file_name(entry))]:
        raise Invalid(
            f"in this zip, those who have left may be in {_named(suspects)}, which cannot be read here; "
            "unpack the zip, and import each list in it by itself"
        )
    if not chosen:
        within = f", but {_named(closed)}; unpack it, and import that" if closed else ": it should have a CSV file"
        raise Invalid(f"this zip has no list in it{within}")
    if not known and len(chosen) > 1:
        raise Invalid(
            f"this zip has several lists, of no program that is known: {_named(chosen)}; import each by itself"
        )
    check_sizes(chosen)
    left = [entry for entry in entries if entry not in chosen and _may_name_readers(opened, entry)]
    unread += [repr(entry.filename[:60]) for entry in left + closed]
    return chosen


def _may_name_readers(opened: ZipFile, entry: ZipInfo) -> bool:
    """Whether a list seems to have a column of addresses, as one of posts has not."""
    try:
        with opened.open(entry) as stream:
            first = stream.readline(_LONGEST_HEADER)
    except (*_UNREADABLE, *BROKEN):
        return True
    cells = _BETWEEN_CELLS.split(first.decode("utf-8-sig", "replace"))
    return b"\0" in first or any("@" in cell or headers.field_of(cell) is FieldKind.EMAIL for cell in cells)


def _named(entries: list[ZipInfo]) -> str:
    return ", ".join(repr(entry.filename[:60]) for entry in entries[:10])


def check_sizes(entries: list[ZipInfo], most: int = MAX_UNPACKED) -> None:
    """Invalid for entries that would unpack to too much, or are encrypted."""
    if sum(entry.file_size for entry in entries) > most:
        raise Invalid(f"this file would unpack to more than {formats.number(most >> 20)} MB, so it was not unpacked")
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise Invalid(f"{entry.filename[:60]!r} in this zip is encrypted; unpack it, and import what is in it")
        if entry.file_size > max(_ALWAYS_FINE, MAX_RATIO * entry.compress_size):
            raise Invalid(
                f"{entry.filename[:60]!r} in this zip would unpack to more than {MAX_RATIO} times its size, "
                "as no list does, so it was not unpacked"
            )


@contextmanager
def open_member(opened: ZipFile, entry: ZipInfo) -> Iterator[IO[bytes]]:
    """One list as a stream that can be rewound; Invalid where it turns out to be damaged."""
    try:
        with opened.open(entry) as stream:
            yield stream
    except BROKEN as error:
        raise Invalid(f"{entry.filename[:60]!r} in this zip is damaged or cut off; download it again") from error


def _check_name(name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name[:2]:
        raise Invalid(f"this zip names a file outside of it ({name[:60]!r}), as no program's export does")


def _is_of_kind(entry: ZipInfo, endings: tuple[str, ...]) -> bool:
    name = _file_name(entry).casefold()
    is_hidden = name.startswith(".") or entry.filename.startswith("__MACOSX/")
    return name.endswith(endings) and not entry.is_dir() and not is_hidden


def _file_name(entry: ZipInfo) -> str:
    return PurePosixPath(entry.filename).name
