"""Animated GIFs: strip comments, application data and anything after the trailer."""

from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.errors import Invalid

_EXTENSION, _FRAME, _END = 0x21, 0x2C, 0x3B
_CONTROL, _PROGRAM = 0xF9, 0xFF
_LOOPS = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0")
_HEAD = 13
_FRAME_HEAD = 10


@dataclass(frozen=True, slots=True)
class Animation:
    """A GIF's bytes with only its frames, their timing and the loop count."""

    content: bytes
    frames: int


def strip_metadata(content: bytes) -> Animation:
    """The animation without metadata; Invalid if the file is malformed. Source: the GIF89a specification."""
    try:
        head = _head(content)
        blocks = list(_blocks(content, len(head)))
    except IndexError:
        raise Invalid("The animation breaks off early. Export it again, or try the upload again.") from None
    frames = sum(block[0] == _FRAME for block in blocks)
    return Animation(head + b"".join(blocks) + bytes([_END]), frames)


def _head(content: bytes) -> bytes:
    """The signature, the screen descriptor and the global colour table."""
    return content[: _HEAD + _colours(content[10])]


def _blocks(content: bytes, at: int) -> Iterator[bytes]:
    """Each frame, and each extension that is kept."""
    while content[at] != _END:
        end = _end_of_block(content, at)
        if content[at] == _FRAME or _is_kept(content[at : at + 14]):
            yield content[at:end]
        at = end


def _is_kept(extension: bytes) -> bool:
    return extension[1] == _CONTROL or (extension[1] == _PROGRAM and extension[2:].startswith(_LOOPS))


def _end_of_block(content: bytes, at: int) -> int:
    if content[at] == _EXTENSION:
        return _end_of_parts(content, at + 2)
    if content[at] != _FRAME:
        raise IndexError
    return _end_of_parts(content, at + _FRAME_HEAD + _colours(content[at + 9]) + 1)


def _end_of_parts(content: bytes, at: int) -> int:
    """The position after a chain of sub-blocks, which ends with an empty one."""
    while length := content[at]:
        at += length + 1
    return at + 1


def _colours(flags: int) -> int:
    """The size in bytes of the colour table that follows; 0 if none does."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
