"""Pictures: checked, named by their content, and kept once; and what an issue calls each of them.

Their bytes lie in a folder (`PictureFolder`), or in a bucket (bucket.py). Whatever comes in, by upload or by
`issues load`, is made ready for mail first (developing.py). A file that was loaded is kept beside its picture, to be
dumped again byte for byte, and is never served.
"""

import hashlib
import io
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path, PurePosixPath

from PIL import Image, UnidentifiedImageError
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db import insert
from newsletter.editorial.images import filetype, processing
from newsletter.editorial.models import AttachedPicture, Issue, OriginalPicture, Picture, Revision, RevisionPicture
from newsletter.errors import Invalid, NotFound
from newsletter.system import atomic_files

MAX_BYTES = 10 * 1024 * 1024
MAX_SIDE = 8_000
# What every mail program shows. SVG is none of them, and could carry a script.
ENDINGS: Mapping[str, str] = {"PNG": "png", "JPEG": "jpg", "GIF": "gif"}
MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif"}

_OURS = re.compile(rf"[0-9a-f]{{64}}\.(?:{'|'.join(MEDIA_TYPES)})")
_ORIGINALS = "originals/"
_NOT_IN_A_NAME = re.compile("[^a-z0-9]+")
_LONGEST_STEM = 60
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class PictureStream:
    """A kept picture, ready to be handed on piece by piece."""

    size: int
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class ImportedPicture:
    """A file that was loaded: the picture that was made of it, and the name that the file itself would have as one."""

    file_name: str
    undeveloped: str


class PictureStore(ABC):
    """Where every picture's bytes are kept, whatever holds them."""

    def taken_in(self, session: Session, content: bytes) -> ImportedPicture | None:
        """What became of a file that was taken in before; None for a new one."""
        wanted = select(OriginalPicture.file_name).where(OriginalPicture.sha256 == _sha256(content))
        file_name = session.scalar(wanted)
        return _taken_in(file_name, content) if file_name else None

    def take_in(
        self, session: Session, name: str, content: bytes, now: datetime, picture: bytes | None = None
    ) -> ImportedPicture:
        """Keep a file, and the picture that was or is now developed from it. Invalid, naming it, if it is none."""
        if taken := self.taken_in(session, content):
            return taken
        kept = self.keep(session, name, picture or processed(name, content), now)
        self.keep_original(content)
        row = {"sha256": _sha256(content), "file_name": kept.file_name, "created_at": now}
        session.execute(insert(session, OriginalPicture).values(row).on_conflict_do_nothing())
        return _taken_in(kept.file_name, content)

    def keep(self, session: Session, name: str, content: bytes, now: datetime) -> Picture:
        """Check and keep a developed picture; the same bytes are kept once. Invalid, naming it, if it is none."""
        ending, (width, height) = _look_at(name, content)
        file_name = f"{_sha256(content)}.{ending}"
        self._put(file_name, content)
        values = {"file_name": file_name, "width": width, "height": height, "size": len(content), "created_at": now}
        row = insert(session, Picture).values(values | {"developed": True})
        session.execute(row.on_conflict_do_update(index_elements=["file_name"], set_={"developed": True}))
        return session.get_one(Picture, file_name, populate_existing=True)

    def put_back(self, file_name: str, content: bytes) -> None:
        """Keep the bytes of a picture whose row is there already; Invalid, naming it, if it is none."""
        _look_at(file_name, content)
        self._put(file_name, content)

    def keep_original(self, content: bytes) -> None:
        """Keep a file as it was loaded, out of reach of the web."""
        self._put(f"{_ORIGINALS}{_sha256(content)}", content)

    def read_original(self, sha256: str) -> bytes:
        """A file as it was loaded; NotFound if there is none of that digest."""
        return b"".join(self._get(f"{_ORIGINALS}{sha256}").chunks)

    def as_loaded(self, session: Session, file_name: str) -> bytes:
        """The file that a picture was developed from, or the picture itself."""
        latest = select(OriginalPicture.sha256).where(OriginalPicture.file_name == file_name)
        sha256 = session.scalar(latest.order_by(OriginalPicture.created_at.desc(), OriginalPicture.sha256).limit(1))
        return self.read_original(sha256) if sha256 else self.read(file_name)

    def open(self, file_name: str) -> PictureStream:
        """A kept picture piece by piece; NotFound if it is not one of ours."""
        if not _OURS.fullmatch(file_name):
            raise _no_such_picture()
        return self._get(file_name)

    def read(self, file_name: str) -> bytes:
        """All of a kept picture; NotFound if it is not one of ours."""
        return b"".join(self.open(file_name).chunks)

    @abstractmethod
    def _put(self, file_name: str, content: bytes) -> None:
        """Hold the bytes under that name, whole or not at all."""

    @abstractmethod
    def _get(self, file_name: str) -> PictureStream:
        """The bytes of that name; NotFound if there are none."""


@dataclass(frozen=True, slots=True)
class FolderPictureStore(PictureStore):
    """A folder that holds every picture's bytes."""

    root: Path

    def path(self, file_name: str) -> Path:
        """Where a kept picture lies; NotFound if it is not one of ours."""
        path = self.root / file_name
        if not _OURS.fullmatch(file_name) or not path.is_file():
            raise _no_such_picture()
        return path

    def _put(self, file_name: str, content: bytes) -> None:
        path = self.root / file_name
        # Only if it is itself: one that was damaged is mended by whoever keeps it again.
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
    """The picture of a file, made ready for mail; Invalid, naming it, if it is none."""
    try:
        return processing.process(content).content
    except Invalid as error:
        raise Invalid(f"{name}: {error}") from None


def attach(session: Session, issue: Issue, wished: str, picture: Picture, now: datetime) -> str:
    """Give an issue a picture by a name like the one wished for, and by no name that another of its has."""
    known = attached(session, issue)
    for name in _names(wished, PurePosixPath(picture.file_name).suffix):
        if known.get(name) == picture.file_name:
            return name
        if name not in known and _claim(session, issue, name, picture, now):
            return name
    raise AssertionError("names are without end")


def attached(session: Session, issue: Issue) -> dict[str, str]:
    """Every picture that a text of this issue may show: its name, and the kept file's.

    Those that were uploaded, and those of every revision, for an older text may be taken up again.
    """
    uploaded = select(AttachedPicture.name, AttachedPicture.file_name).where(AttachedPicture.issue_id == issue.id)
    shown = select(RevisionPicture.name, RevisionPicture.file_name).join(
        Revision, Revision.id == RevisionPicture.revision_id
    )
    shown = shown.where(Revision.issue_id == issue.id).order_by(Revision.number)
    return {name: kept for pictures in (uploaded, shown) for name, kept in session.execute(pictures)}


def clean_stem(wished: str) -> str:
    """A file's name without its ending, in the letters that every system and every Markdown link can spell."""
    stem = PurePosixPath(wished.replace("\\", "/")).stem
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    return _NOT_IN_A_NAME.sub("-", plain)[:_LONGEST_STEM].strip("-") or "picture"


def _names(wished: str, ending: str) -> Iterator[str]:
    stem = clean_stem(wished)
    yield f"{stem}{ending}"
    yield from (f"{stem}-{number}{ending}" for number in count(2))


def _claim(session: Session, issue: Issue, name: str, picture: Picture, now: datetime) -> bool:
    values = {"issue_id": issue.id, "name": name, "file_name": picture.file_name, "attached_at": now}
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
    try:
        with Image.open(io.BytesIO(content), formats=tuple(ENDINGS)) as image:
            image.verify()
            kind, size = image.format or "", image.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        raise Invalid(f"{name}: not a PNG, JPEG or GIF; mail programs show only these") from None
    if max(size) > MAX_SIDE:
        raise Invalid(f"{name}: {size[0]} × {size[1]} pixels; {MAX_SIDE} a side is the most")
    return ENDINGS[kind], size
