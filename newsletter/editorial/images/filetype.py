"""Picture files byte by byte: what one is, whatever its name says, and an animated GIF without its metadata."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.errors import Invalid

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"} | dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"mif1"), "HEIC")
_LOOKED_AT = 1024
_MARKUP = re.compile(rb"<\s*(?:!doctype\s+html|html|head|body|script|iframe)\b", re.IGNORECASE)
_DRAWING = re.compile(rb"<\s*(?:!doctype\s+|\w+:)?svg\b", re.IGNORECASE)

_SVG = (
    "This is an SVG drawing. Mail programs do not show SVG, and one can carry a script. "
    "Export it as PNG, 1,200 pixels wide, and upload that."
)
_HTML = "This is a web page, not a picture. Save the picture itself, or take a screenshot, and upload that."
_HEIC = (
    "This is a HEIC photo, which mail programs do not show. Save it as JPEG first; a phone does so by itself "
    "when its camera is set to the most compatible format."
)
_OTHER = "This is not a PNG, JPEG, GIF, WebP or AVIF picture. Save it as one of these and upload it again."
# GIF89a: the kinds of its blocks, those of its extensions, and the lengths of its fixed parts.
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


def detect(content: bytes) -> str:
    """PNG, JPEG, GIF, WEBP or AVIF, as Pillow names them; Invalid, with the reason, for anything else."""
    found = next((name for mark, name in _SIGNATURES if content.startswith(mark)), None) or _in_a_box(content)
    if found is None or found == "HEIC":
        raise Invalid(_HEIC if found else _reason(content[:_LOOKED_AT]))
    return found


def webp_size(content: bytes) -> tuple[int, int]:
    """Width and height from a WebP's header, before Pillow allocates memory for them; (0, 0) if there are none.

    Source: RFC 9649, sections 2.5 to 2.7.
    """
    shape, head = content[12:16], content[20:30].ljust(10, b"\0")
    if shape == b"VP8X":
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if shape == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", head[6:10])
    return (width & 0x3FFF, height & 0x3FFF) if shape == b"VP8 " else (0, 0)


def _in_a_box(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] != b"ftyp":
        return None
    # The brand of the file, then those that it is compatible with (ISO 14496-12).
    end = min(int.from_bytes(content[:4], "big"), _LOOKED_AT)
    brands = [content[8:12], *(content[at : at + 4] for at in range(16, end, 4))]
    return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)


def _reason(head: bytes) -> str:
    text = head.replace(b"\0", b"")  # UTF-16 is markup, too
    drawing, page = _DRAWING.search(text), _MARKUP.search(text)
    if drawing and (page is None or drawing.start() < page.start()):
        return _SVG
    return _HTML if page else _OTHER


def strip_metadata(content: bytes) -> Animation:
    """The animation without metadata; Invalid if the file is malformed. Source: the GIF89a specification."""
    try:
        head = content[: _HEAD + _colours(content[10])]
        blocks = list(_blocks(content, len(head)))
    except IndexError:
        raise Invalid("The animation breaks off early. Export it again, or try the upload again.") from None
    frames = sum(block[0] == _FRAME for block in blocks)
    return Animation(head + b"".join(blocks) + bytes([_END]), frames)


def _blocks(content: bytes, at: int) -> Iterator[bytes]:
    """Each frame, and each extension that is kept."""
    while content[at] != _END:
        end = _end_of_block(content, at)
        kind, program = content[at + 1], content[at + 2 : at + 14]
        if content[at] == _FRAME or kind == _CONTROL or (kind == _PROGRAM and program in _LOOPS):
            yield content[at:end]
        at = end


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
