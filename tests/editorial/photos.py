"""Pictures as people upload them, and as those do who wish us ill."""

import io
import struct
import zlib
from fractions import Fraction

from PIL import Image, ImageCms, ImageDraw

SECRET = b"52 13 47.2 N, somewhere at home"


def quarters(size: tuple[int, int] = (400, 200), mode: str = "RGB") -> Image.Image:
    """Red above left, green above right, blue below left, white below right."""
    width, height = size
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for box, colour in (
        ((0, 0, width // 2 - 1, height // 2 - 1), "red"),
        ((width // 2, 0, width, height // 2 - 1), "lime"),
        ((0, height // 2, width // 2 - 1, height), "blue"),
    ):
        draw.rectangle(box, fill=colour)
    return image.convert(mode)


def saved(image: Image.Image, kind: str, **choices: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **choices)
    return file.getvalue()


def telling_photo(kind: str = "JPEG", orientation: int = 1) -> bytes:
    """A photo that tells where and when it was taken, in each of the places where a file can."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = SECRET.decode()  # the camera's maker
    exif.get_ifd(0x8825).update({1: "N", 2: (Fraction(52), Fraction(13), Fraction(47))})  # GPS
    choices: dict[str, object] = {"exif": exif, "xmp": b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>"}
    if kind == "JPEG":
        choices["comment"] = SECRET
    if kind == "PNG":
        choices.pop("xmp")
    return saved(quarters(), kind, **choices)


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def colour_at(image: Image.Image, x: float, y: float) -> str:
    """Which of the four colours stands there; as parts of the width and of the height."""
    red, green, blue = image.convert("RGB").getpixel((int(image.width * x), int(image.height * y)))
    found = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
    return min(found, key=lambda name: sum(abs(a - b) for a, b in zip(found[name], (red, green, blue), strict=True)))


def animated(frames: int = 3, size: tuple[int, int] = (40, 20), kind: str = "GIF", **choices: object) -> bytes:
    first, *rest = [Image.new("RGB", size, (25 * frame % 255, 40, 90)) for frame in range(frames)]
    return saved(first, kind, save_all=True, append_images=rest, duration=100, loop=0, **choices)


def gif_of_many(frames: int, size: tuple[int, int]) -> bytes:
    """A GIF of so many frames, all alike: made of one, for so many in memory are hundreds of megabytes."""
    one = saved(Image.new("P", size), "GIF")
    place = one.index(b"\x2c\0\0\0\0")
    return one[:place] + one[place:-1] * frames + one[-1:]


def in_another_space() -> bytes:
    """A picture whose colours mean something else than in sRGB."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return saved(quarters(), "JPEG", icc_profile=lab.tobytes())


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that unfolds into as many pixels as it says."""
    rows = zlib.compress(bytes(1_000_000), 9)
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def png_whose_words_unfold() -> bytes:
    """A PNG whose text chunk is a few kilobytes packed, and 50 MB when it is unpacked."""
    png, words = saved(quarters(), "PNG"), b"Comment\0\0" + zlib.compress(bytes(50_000_000), 9)
    return png[:33] + _chunk(b"zTXt", words) + png[33:]


def webp_that_claims(width: int, height: int) -> bytes:
    """A WebP whose canvas is said to be that large."""
    canvas = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    inner = saved(quarters((8, 8)), "WEBP")[12:]
    chunks = b"VP8X" + len(canvas).to_bytes(4, "little") + canvas + inner
    return b"RIFF" + (len(chunks) + 4).to_bytes(4, "little") + b"WEBP" + chunks


def jpeg_that_claims(width: int, height: int) -> bytes:
    """A JPEG whose frame is said to be that large."""
    jpeg = bytearray(saved(quarters((16, 16)), "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(jpeg)


def gif_that_claims(width: int, height: int) -> bytes:
    gif = bytearray(saved(quarters((16, 16)), "GIF"))
    gif[6:10] = struct.pack("<HH", width, height)
    return bytes(gif)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
