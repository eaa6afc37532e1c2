"""File type detection: what a file is by its first bytes, whatever its name says."""

import re
import struct

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
    if _DRAWING.search(text) and not _MARKUP.search(text):
        return _SVG
    return _HTML if _MARKUP.search(text) else _OTHER
