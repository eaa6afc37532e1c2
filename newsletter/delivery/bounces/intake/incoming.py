"""An incoming mail while it is read: its digest, by which it is recognised, and its beginning, which is kept."""

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
        """A mail that is in memory already."""
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
        """An id that is equal each time the same mail comes; complete once the mail has been read."""
        return f"sha256:{self._digest.hexdigest()}"

    @property
    def is_whole(self) -> bool:
        """Whether `head` is all of it."""
        return not self._is_cut and self.octets == len(self.head)
