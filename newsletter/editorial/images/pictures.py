"""Picture storage: pictures are checked, stored once under their SHA-256, and attached to issues by name.

The bytes are in a folder (`FolderPictureStore`) or in a bucket (s3_storage.py). Every upload, and every picture of
`issues load`, is processed for mail first (processing.py). The original of a loaded picture is stored beside it, so
that it can be exported byte for byte, and is never served. Variants for web pages are stored there, too (variants.py).
"""

import hashlib
import io
import logging
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path, PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db import insert
from newsletter.editorial.images import filetype
from newsletter.editorial.models import (
    AttachedPicture,
    Issue,
    OriginalPicture,
    Picture,
    Revision,
    RevisionPicture,
    Size,
)
from newsletter.errors import Invalid, NotFound, Unavailable
from newsletter.system import atomic_files

_log = logging.getLogger(__name__)

MAX_BYTES = 10 * 1024 * 1024
_MAX_SIDE = 8_000
# What every mail program shows. SVG is none of them, and could carry a script.
ENDINGS: Mapping[str, str] = {"PNG": "png", "JPEG": "jpg", "GIF": "gif"}
MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif"}

_OURS = re.compile(rf"[0-9a-f]{{64}}\.(?:{'|'.join(MEDIA_TYPES)})")
_ORIGINALS = "originals/"
_VARIANTS = "variants/"
_NOT_IN_A_NAME = re.compile("[^a-z0-9]+")
_LONGEST_STEM = 60
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class PictureStream:
    """A stored picture, as its size and a stream of chunks."""

    size: int
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class ImportedPicture:
    """A loaded file: the picture that was made of it, and the name that the file itself would be stored under."""

    file_name: str
    unprocessed: str


class PictureStore(ABC):
    """Stores the bytes of every picture; subclasses say where."""

    def find_import(self, session: Session, content: bytes) -> ImportedPicture | None:
        """The picture made of a file that was imported before; None for a new file."""
        wanted = select(OriginalPicture.file_name).where(OriginalPicture.sha256 == _sha256(content))
        file_name = session.scalar(wanted)
        return _taken_in(file_name, content) if file_name else None

    def import_file(
        self, session: Session, name: str, content: bytes, now: datetime, picture: bytes | None = None
    ) -> ImportedPicture:
        """Store a file and the picture processed from it; Invalid, naming the file, if it is not a picture."""
        if taken := self.find_import(session, content):
            return taken
        stored = self.keep(session, name, picture or processed(name, content), now)
        self.keep_original(content)
        row = {"sha256": _sha256(content), "file_name": stored.file_name, "created_at": now}
        session.execute(insert(session, OriginalPicture).values(row).on_conflict_do_nothing())
        return _taken_in(stored.file_name, content)

    def keep(self, session: Session, name: str, content: bytes, now: datetime) -> Picture:
        """Check and store a processed picture, the same bytes once; Invalid, naming it, if it is not a picture."""
        ending, (width, height) = _look_at(name, content)
        file_name = f"{_sha256(content)}.{ending}"
        self._put(file_name, content)
        values = {"file_name": file_name, "width": width, "height": height, "size": len(content), "created_at": now}
        row = insert(session, Picture).values(values | {"developed": True})
        session.execute(row.on_conflict_do_update(index_elements=["file_name"], set_={"developed": True}))
        return session.get_one(Picture, file_name, populate_existing=True)

    def restore_bytes(self, file_name: str, content: bytes) -> None:
        """Store the bytes of a picture whose row exists already; Invalid, naming it, if they are not that picture."""
        _look_at(file_name, content)
        self._put(file_name, content)

    def keep_original(self, content: bytes) -> None:
        """Store a file as it was loaded; it is never served."""
        self._put(f"{_ORIGINALS}{_sha256(content)}", content)

    def read_original(self, sha256: str) -> bytes:
        """A file as it was loaded, by its SHA-256; NotFound if there is none."""
        return b"".join(self._get(f"{_ORIGINALS}{sha256}").chunks)

    def as_loaded(self, session: Session, file_name: str) -> bytes:
        """The file that a picture was made from, or the picture itself if it was not processed."""
        latest = select(OriginalPicture.sha256).where(OriginalPicture.file_name == file_name)
        sha256 = session.scalar(latest.order_by(OriginalPicture.created_at.desc(), OriginalPicture.sha256).limit(1))
        return self.read_original(sha256) if sha256 else self.read(file_name)

    def open(self, file_name: str) -> PictureStream:
        """A stored picture as a stream; NotFound if there is none of that name."""
        if not _OURS.fullmatch(file_name):
            raise _no_such_picture()
        return self._get(file_name)

    def find_variant(self, name: str) -> PictureStream:
        """A stored variant of a picture as a stream; NotFound if it was not made yet."""
        return self._get(f"{_VARIANTS}{name}")

    def keep_variant(self, name: str, content: bytes) -> PictureStream:
        """Store a variant, and show it even where that fails: it can be made again."""
        try:
            self._put(f"{_VARIANTS}{name}", content)
        except (OSError, Unavailable):
            _log.warning("a picture's variant could not be stored", exc_info=True)
        return PictureStream(len(content), iter([content]))

    def read(self, file_name: str) -> bytes:
        """All bytes of a stored picture; NotFound if there is none of that name."""
        return b"".join(self.open(file_name).chunks)

    @abstractmethod
    def _put(self, file_name: str, content: bytes) -> None:
        """Store bytes under that name, all or nothing."""

    @abstractmethod
    def _get(self, file_name: str) -> PictureStream:
        """The stream of that name; NotFound if there is none."""


@dataclass(frozen=True, slots=True)
class FolderPictureStore(PictureStore):
    """Stores pictures in a folder."""

    root: Path

    def path(self, file_name: str) -> Path:
        """The path of a stored picture; NotFound if there is none of that name."""
        path = self.root / file_name
        if not _OURS.fullmatch(file_name) or not path.is_file():
            raise _no_such_picture()
        return path

    def _put(self, file_name: str, content: bytes) -> None:
        path = self.root / file_name
        # An existing file is kept only if it is intact; storing a damaged one again repairs it.
        if path.is_file() and path.read_bytes() == content:
            return
        atomic_files.make_folder(path.parent)
        atomic_files.write(path, content)

    def _get(self, file_name: str) -> PictureStream:
        path = self.root / file_name
        if not path.is_file():
            raise _no_such_picture()
        return PictureStream(path.stat().st_size, _chunks(path))


def processed(name: str, content: bytes) -> bytes:
    """The picture of a file, processed for mail; Invalid, naming the file, if it is not a picture."""
    from newsletter.editorial.images import processing  # Pillow takes memory in every process, and few need it

    try:
        return processing.process(content).content
    except Invalid as error:
        raise Invalid(f"{name}: {error}") from None


def attach(session: Session, issue: Issue, wished: str, picture: Picture) -> str:
    """Attach a picture to an issue under a free name close to `wished`; returns that name."""
    known = attached(session, issue)
    for name in _names(wished, PurePosixPath(picture.file_name).suffix):
        if known.get(name) == picture.file_name:
            return name
        if name not in known and _claim(session, issue, name, picture):
            return name
    raise AssertionError("names are without end")


def attached(session: Session, issue: Issue) -> dict[str, str]:
    """Every picture that a text of this issue may show: from its name there to its stored file name.

    These are the uploaded ones and those of every revision, because an older text may be restored.
    """
    uploaded = select(AttachedPicture.name, AttachedPicture.file_name).where(AttachedPicture.issue_id == issue.id)
    in_revisions = select(RevisionPicture.name, RevisionPicture.file_name).join(
        Revision, Revision.id == RevisionPicture.revision_id
    )
    in_revisions = in_revisions.where(Revision.issue_id == issue.id).order_by(Revision.number)
    return {name: file_name for pictures in (uploaded, in_revisions) for name, file_name in session.execute(pictures)}


def sizes(session: Session, file_names: Collection[str]) -> dict[str, Size]:
    """The sizes that are known of stored pictures, by file name."""
    found = session.scalars(select(Picture).where(Picture.file_name.in_(set(file_names))))
    return {picture.file_name: picture.shown_size for picture in found if picture.shown_size}


def clean_stem(wished: str) -> str:
    """A file's name without its extension, in characters that are safe in every file system and Markdown link."""
    stem = PurePosixPath(wished.replace("\\", "/")).stem
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    return _NOT_IN_A_NAME.sub("-", plain)[:_LONGEST_STEM].strip("-") or "picture"


def _names(wished: str, ending: str) -> Iterator[str]:
    stem = clean_stem(wished)
    yield f"{stem}{ending}"
    yield from (f"{stem}-{number}{ending}" for number in count(2))


def _claim(session: Session, issue: Issue, name: str, picture: Picture) -> bool:
    values = {"issue_id": issue.id, "name": name, "file_name": picture.file_name}
    row = insert(session, AttachedPicture).values(values).on_conflict_do_nothing()
    return session.scalar(row.returning(AttachedPicture.name)) is not None


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _taken_in(file_name: str, original: bytes) -> ImportedPicture:
    return ImportedPicture(file_name, f"{_sha256(original)}.{ENDINGS.get(filetype.detect(original), '')}")


def _no_such_picture() -> NotFound:
    return NotFound("there is no such picture")


def _look_at(name: str, content: bytes) -> tuple[str, tuple[int, int]]:
    if len(content) > MAX_BYTES:
        raise Invalid(f"{name}: {len(content) / 1e6:.0f} MB is too large for mail; the limit is {MAX_BYTES >> 20} MB")
    from PIL import Image, UnidentifiedImageError  # as above

    try:
        with Image.open(io.BytesIO(content), formats=tuple(ENDINGS)) as image:
            image.verify()
            kind, size = image.format or "", image.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        raise Invalid(f"{name}: not a PNG, JPEG or GIF; mail programs show only these") from None
    if max(size) > _MAX_SIDE:
        raise Invalid(f"{name}: {size[0]} × {size[1]} pixels; {_MAX_SIDE} a side is the most")
    return ENDINGS[kind], size
