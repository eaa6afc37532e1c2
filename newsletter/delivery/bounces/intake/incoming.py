"""An incoming mail while it is read: by what it is known again, and its beginning, which is all that is kept."""

import hashlib
import io
from typing import Self

from newsletter.delivery.bounces.parse.mime import ByteReader

MOST_KEPT = 1024 * 1024
"""Octets of a mail that are held in memory."""


class IncomingMail:
    """A mail that is read once, from its beginning to its end, in memory that does not grow with it."""

    def __init__(self, source: ByteReader, *, is_cut: bool = False) -> None:
        """`is_cut` says that the source holds only the beginning of the mail."""
        self._source = source
        self._digest = hashlib.sha256()
        self._is_cut = is_cut
        self.head = bytearray()
        self.octets = 0

    @classmethod
    def from_bytes(cls, raw: bytes, *, is_cut: bool = False) -> Self:
        """The same of a mail that lies in memory."""
        return cls(io.BytesIO(raw), is_cut=is_cut)

    def read(self, size: int, /) -> bytes:
        """The next octets; empty at the end."""
        chunk = self._source.read(size)
        self._digest.update(chunk)
        self.octets += len(chunk)
        self.head += chunk[: MOST_KEPT - len(self.head)]
        return chunk

    @property
    def source_id(self) -> str:
        """The same whenever the same mail comes; known once it is read."""
        return f"sha256:{self._digest.hexdigest()}"

    @property
    def is_whole(self) -> bool:
        """Whether `head` is all of it."""
        return not self._is_cut and self.octets == len(self.head)
