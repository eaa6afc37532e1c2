"""Pictures: checked, named by their content, and kept once in DATA_DIR/pictures."""

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from sqlalchemy.orm import Session

from newsletter.editorial.models import Picture
from newsletter.errors import Invalid, NotFound

MAX_BYTES = 10 * 1024 * 1024
MAX_SIDE = 8_000
# What every mail program shows. SVG is none of them, and could carry a script.
_ENDINGS: Mapping[str, str] = {"PNG": "png", "JPEG": "jpg", "GIF": "gif"}
MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif"}


@dataclass(frozen=True, slots=True)
class PictureFolder:
    """The folder that holds every picture's bytes."""

    root: Path

    def keep(self, session: Session, name: str, content: bytes, now: datetime) -> Picture:
        """Check and keep a picture; the same bytes are kept once. Invalid, naming it, if it is none."""
        ending, (width, height) = _look_at(name, content)
        file_name = f"{hashlib.sha256(content).hexdigest()}.{ending}"
        known = session.get(Picture, file_name)
        self._write(file_name, content)
        if known:
            return known
        picture = Picture(file_name=file_name, width=width, height=height, size=len(content), created_at=now)
        session.add(picture)
        return picture

    def path(self, file_name: str) -> Path:
        """Where a kept picture lies; NotFound if it is not one of ours."""
        stem, _, ending = file_name.partition(".")
        path = self.root / file_name
        if len(stem) != 64 or not stem.isalnum() or ending not in MEDIA_TYPES or not path.is_file():
            raise NotFound("there is no such picture")
        return path

    def _write(self, file_name: str, content: bytes) -> None:
        path = self.root / file_name
        if path.exists():
            return
        self.root.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(content)
        draft.replace(path)


def _look_at(name: str, content: bytes) -> tuple[str, tuple[int, int]]:
    if len(content) > MAX_BYTES:
        raise Invalid(f"{name}: {len(content) / 1e6:.0f} MB is too large for mail; {MAX_BYTES >> 20} MB is the most")
    try:
        with Image.open(io.BytesIO(content), formats=tuple(_ENDINGS)) as image:
            image.verify()
            kind, size = image.format or "", image.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        raise Invalid(f"{name}: not a PNG, JPEG or GIF; mail programs show only these") from None
    if max(size) > MAX_SIDE:
        raise Invalid(f"{name}: {size[0]} × {size[1]} pixels; {MAX_SIDE} a side is the most")
    return _ENDINGS[kind], size
