"""The files that lists come in: CSV, a peer's zip, or a workbook; however many lists are in one."""

import codecs
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO

from newsletter.audience.importing import sources
from newsletter.audience.importing.reading import csv_reader, xlsx_reader, zip_reader
from newsletter.audience.importing.reading.csv_reader import CsvFile, naming
from newsletter.audience.importing.reading.merged_cells import MergedRanges
from newsletter.audience.importing.reading.text_encoding import find_encoding
from newsletter.errors import Invalid, NotFound

_STANDARD_INPUT = Path("-")
_CHUNK = 1 << 20
_HEAD = 100
_MOST_UNREAD = 10
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_OTHER_TEXTS = {
    "a web page": re.compile(rb"<(?:!doctype|html|table|meta)\b", re.IGNORECASE),
    "XML": re.compile(rb"<\?xml\b"),
    "JSON": re.compile(rb"[\[{]\s*(?:\{\s*)?\""),
    "a PDF": re.compile(rb"%PDF-"),
    "an address book": re.compile(rb"BEGIN:VCARD", re.IGNORECASE),
}
"""What is no list although some programs give it the name of one, by how it begins."""
_OTHER_PACKERS = (b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zX")


@dataclass(frozen=True, slots=True)
class ListFile:
    """An opened file: its hash, and each list in it, which can be read any number of times."""

    name: str
    sha256: str
    encoding: str
    """As it was named; empty where it is to be recognised."""
    _file: IO[bytes]
    encodings: dict[int, str] = field(default_factory=dict)
    """Of each CSV list by its number, from 0, as soon as it was found to be text from end to end."""
    merged: dict[str, MergedRanges] = field(default_factory=dict)
    """The merged cells of each sheet by its part, as soon as the workbook was found to be whole."""
    unread: list[str] = field(default_factory=list)
    """What `lists` passed over although there may be readers in it."""

    @property
    def unread_names(self) -> str:
        """The same in words, as far as people read; empty if there is nothing."""
        more = [f"{len(self.unread) - _MOST_UNREAD} more"] if len(self.unread) > _MOST_UNREAD else []
        return ", ".join([*self.unread[:_MOST_UNREAD], *more])

    @property
    def descriptor(self) -> int:
        """Of the open file, for a process that reads it."""
        return self._file.fileno()

    @property
    def size(self) -> int:
        """In bytes."""
        return os.fstat(self.descriptor).st_size

    @contextmanager
    def lists(self) -> Iterator[Iterator[CsvFile]]:
        """Each list in turn, from its beginning; one is closed when the next is asked for.

        Invalid, with the reason, for what is damaged, not text, or not to be trusted.
        """
        self._file.seek(0)
        self.unread.clear()
        with ExitStack() as open_files, closing(self._lists(open_files)) as lists:
            yield lists

    def _lists(self, open_files: ExitStack) -> Generator[CsvFile]:
        head = self._file.read(_HEAD)
        magic = head[:4]
        self._file.seek(0)
        if magic == _OLD_WORKBOOK:
            kind = "this is an old workbook, or one with a password"
            raise Invalid(f"{self.name}: {kind}; save its sheet as CSV UTF-8, or as XLSX without one, and import that")
        if magic.startswith(_OTHER_PACKERS):
            raise Invalid(f"{self.name}: this file is packed, and not as a zip; unpack it, and import what is in it")
        for kind, beginning in _OTHER_TEXTS.items():
            if beginning.match(head.removeprefix(codecs.BOM_UTF8).lstrip()):
                raise Invalid(
                    f"{self.name}: this is {kind} and no list; export it as CSV UTF-8 or XLSX, and import that"
                )
        if magic != zip_reader.MAGIC:
            yield from self._csv(0, self._file, self.name, self.size, Path(self.name).name)
            return
        with naming(self.name):
            opened_zip = open_files.enter_context(zip_reader.open_zip(self._file))
            is_workbook = xlsx_reader.is_workbook(opened_zip)
            members = [] if is_workbook else zip_reader.list_members(opened_zip, sources.MEMBERS, self.unread)
        if is_workbook:
            yield from xlsx_reader.read_workbook(opened_zip, self.name, self.unread, self.merged)
        for number, entry in enumerate(members):
            name, file_name = f"{self.name}, {entry.filename}", PurePosixPath(entry.filename).name
            with zip_reader.open_member(opened_zip, entry) as stream:
                yield from self._csv(number, stream, name, entry.file_size, file_name)

    def _csv(self, number: int, stream: IO[bytes], name: str, size: int, file_name: str) -> Iterator[CsvFile]:
        if number not in self.encodings:
            with naming(name):
                self.encodings[number] = find_encoding(stream, self.encoding)
        with csv_reader.read_csv(stream, name, size, self.encodings[number], file_name) as opened:
            yield opened


def holds_list(path: Path) -> bool:
    """Whether a file is a zip with a list of readers in it, by the name that its program gives the list."""
    names = zip_reader.file_names(path)
    return any(re.fullmatch(pattern, name, re.IGNORECASE) for pattern in sources.MEMBERS for name in names)


@contextmanager
def open_file(path: Path, encoding: str = "", name: str = "") -> Iterator[ListFile]:
    """Open a file, or standard input for `-`; NotFound if it cannot be opened. It may go by another `name`."""
    name = name or ("standard input" if path == _STANDARD_INPUT else str(path))
    with _bytes_of(path) as file:
        yield ListFile(name, _sha256(file), encoding, file)


def _sha256(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _bytes_of(path: Path) -> Iterator[IO[bytes]]:
    if path == _STANDARD_INPUT:
        with _spooled(sys.stdin.buffer) as file:
            yield file
        return
    try:
        source = path.open("rb")
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from None
    with source, nullcontext(source) if source.seekable() else _spooled(source) as file:
        yield file


@contextmanager
def _spooled(pipe: IO[bytes]) -> Iterator[IO[bytes]]:
    # The encoding is known for certain only at the end, and a pipe can be read only once.
    with TemporaryFile() as file:
        shutil.copyfileobj(pipe, file)
        file.seek(0)
        yield file
