"""Image processing: turn an upload into a picture that every mail program shows.

Only pixels are kept, upright and in sRGB; all metadata, such as location and camera, is removed. The size is
checked against the limits before anything is decoded, and one image is decoded at a time.
"""

import io
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

from PIL import ExifTags, Image, ImageCms, ImageOps, ImageSequence
from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Image import Resampling
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from newsletter.editorial.images import filetype
from newsletter.errors import Invalid
from newsletter.i18n import formats

UPLOAD_BYTES = 40 * 1024 * 1024
WIDTH = 1_200
"""Pixels: twice what the column of a mail is wide, for sharp screens."""

_HEIGHT = 8_000
_MAX_SIDE = 16_000
_MAX_PIXELS = 50_000_000
_MAX_PIXELS_OF_WEBP = 25_000_000
"""Pillow's WebP reader holds three images of that size in memory, the others one."""
_ANIMATION_BYTES = 2 * 1024 * 1024
_ANIMATION_PIXELS = 100_000_000
_LIGHT_BYTES = 300_000
_QUALITY = 84
_LYING = range(5, 9)  # the orientations of Exif that swap width and height

# Not Image.open, which warns or refuses by limits of its own before it tells the size.
_READERS: Mapping[str, Callable[[io.BytesIO], ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "GIF": GifImageFile,
    "WEBP": WebPImageFile,
    "AVIF": AvifImageFile,
}
# What the readers of pictures raise when a file is not what it says.
_BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, RuntimeError),
    *(AttributeError, Warning, struct.error, Image.DecompressionBombError),
)
_DAMAGED = "This picture is damaged, or its file breaks off early. Export it again, or try the upload again."
_ONE_FRAME = "Only the first picture of the animation is kept: {reason}."

_one_at_a_time = Lock()


@dataclass(frozen=True, slots=True)
class ProcessedImage:
    """A picture for mail, and a note about what was changed that its editor should know."""

    content: bytes
    note: str


def process(content: bytes) -> ProcessedImage:
    """A PNG, JPEG or GIF at most 1,200 pixels wide, made of an upload; Invalid, with the reason, if that cannot be."""
    if len(content) > UPLOAD_BYTES:
        raise Invalid(too_many_bytes(len(content)))
    kind = filetype.detect(content)
    if kind == "WEBP":
        _refuse_too_large(filetype.webp_size(content), _MAX_PIXELS_OF_WEBP)
    with _one_at_a_time:
        try:
            with _READERS[kind](io.BytesIO(content)) as image:
                _refuse_too_large(image.size)
                return _developed(image, content)
        except _BROKEN:
            raise Invalid(_DAMAGED) from None


def as_webp(content: bytes, width: int) -> bytes:
    """A processed picture in WebP, that many pixels wide; Invalid if its bytes are damaged."""
    try:
        with _one_at_a_time, _READERS[filetype.detect(content)](io.BytesIO(content)) as image:
            picture = image.convert("RGBA" if image.has_transparency_data else "RGB")
            picture.thumbnail((width, _HEIGHT), Resampling.LANCZOS)
            return _saved(picture, "WEBP", quality=_QUALITY)
    except _BROKEN:
        raise Invalid(_DAMAGED) from None


def too_many_bytes(size: int) -> str:
    """The error message for an upload of that many bytes."""
    most = UPLOAD_BYTES >> 20
    megabytes = formats.number(round(size / 2**20))
    return f"This file has {megabytes} MB; the limit is {most} MB. Save it smaller and upload that."


def _refuse_too_large(size: tuple[int, int], most: int = _MAX_PIXELS) -> None:
    width, height = size
    if max(size) > _MAX_SIDE or width * height > most:
        raise Invalid(
            f"This picture has {formats.number(width)} × {formats.number(height)} pixels. "
            f"The limit is {formats.number(_MAX_SIDE)} a side and {most // 10**6} million in all; "
            f"mail shows {formats.number(WIDTH)} across. Save it smaller and upload that."
        )


def _developed(image: ImageFile, content: bytes) -> ProcessedImage:
    cut = ""
    if getattr(image, "is_animated", False):
        moving, reason = _moving(image, content)
        if moving:
            return ProcessedImage(moving, "")
        cut = _ONE_FRAME.format(reason=reason)
        image.seek(0)
    before = image.size
    is_photo = image.format == "JPEG"
    small = _upright(image)
    notes = [cut, _scaled(before, small.size)]
    return ProcessedImage(_encoded(small, is_photo=is_photo), " ".join(filter(None, notes)))


def _moving(image: ImageFile, content: bytes) -> tuple[bytes, str]:
    """The animation stripped for mail; or no bytes, and the reason."""
    if image.format != "GIF":
        return b"", "mail programs show only GIFs moving"
    if image.width > WIDTH or len(content) > _ANIMATION_BYTES:
        return (
            b"",
            f"one that moves may be {formats.number(WIDTH)} pixels across and {_ANIMATION_BYTES >> 20} MB at most",
        )
    found = filetype.strip_metadata(content)
    if found.frames * image.width * image.height > _ANIMATION_PIXELS:
        return b"", f"it has {formats.number(found.frames)} of them"
    for _ in ImageSequence.Iterator(image):
        image.load()
    return found.content, ""


def _scaled(before: tuple[int, int], after: tuple[int, int]) -> str:
    if sorted(before) == sorted(after):
        return ""
    width, height, narrow, low = map(formats.number, (*before, *after))
    return f"Scaled from {width} × {height} to {narrow} × {low} pixels."


def _upright(image: ImageFile) -> Image.Image:
    """The picture rotated as its Exif says, in sRGB, and scaled to the width of mail."""
    profile = image.info.get("icc_profile")
    box = (_HEIGHT, WIDTH) if _orientation(image) in _LYING else (WIDTH, _HEIGHT)
    plain = _plain(image, box)
    # `draft` and `thumbnail` work in place, so that a large JPEG is never decoded at full size.
    plain.thumbnail(box, Resampling.LANCZOS, reducing_gap=2)
    plain.load()
    return _in_srgb(_rotated(plain), profile)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _BROKEN:
        return 1


def _rotated(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except _BROKEN:
        return image  # its Exif is damaged, and the picture is not


def _plain(image: Image.Image, box: tuple[int, int]) -> Image.Image:
    """The image in a mode that can be scaled: L, LA, RGB or RGBA."""
    if image.mode == "P" and image.width <= box[0] and image.height <= box[1]:
        return image  # few colours, and nothing to scale: it stays as small as it is
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in {"P", "PA"} or "transparency" in image.info:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.convert("L") if image.mode == "1" else image


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    try:
        seen = _converted(image, profile) if profile and image.mode in {"RGB", "RGBA", "CMYK"} else image
    except (ImageCms.PyCMSError, OSError):
        seen = image
    return seen.convert("RGB") if seen.mode == "CMYK" else seen


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    colours = image.convert("RGB") if image.mode == "RGBA" else image
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    seen = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if seen is None:
        return image
    if image.mode == "RGBA":
        seen.putalpha(image.getchannel("A"))
    return seen


def _encoded(image: Image.Image, *, is_photo: bool) -> bytes:
    """JPEG for photos and whatever is much smaller that way; PNG for the rest."""
    bare = _bare(image)
    if bare.mode in {"RGBA", "LA", "P"}:
        return _saved(bare, "PNG", optimize=True, **_see_through(image))
    jpeg = _saved(bare, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
    if is_photo:
        return jpeg
    png = _saved(bare, "PNG", optimize=True)
    return png if len(png) <= max(_LIGHT_BYTES, 2 * len(jpeg)) else jpeg


def _bare(image: Image.Image) -> Image.Image:
    """The same pixels without metadata."""
    is_opaque = image.mode in {"RGBA", "LA"} and image.getchannel("A").getextrema()[0] == 255
    bare = image.convert(image.mode[:-1]) if is_opaque else image.copy()
    bare.info = {}
    return bare


def _see_through(image: Image.Image) -> dict[str, object]:
    return {"transparency": image.info["transparency"]} if image.mode == "P" and "transparency" in image.info else {}


def _saved(image: Image.Image, kind: str, **choices: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **choices)
    return file.getvalue()
