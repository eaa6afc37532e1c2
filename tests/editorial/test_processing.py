import resource
from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from newsletter.editorial.images.processing import UPLOAD_BYTES, WIDTH, process
from newsletter.errors import Invalid
from tests.editorial import photos

KINDS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF")
OF_EACH_KIND = [photos.saved(photos.quarters((60, 40)), kind) for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_what_goes_out_is_shown_by_mail_programs_whatever_came_in(kind: str, mode: str) -> None:
    if kind in {"JPEG", "AVIF"} and mode in {"RGBA", "P"}:
        mode = "RGB"
    image = photos.opened(process(photos.saved(photos.quarters(mode=mode), kind)).content)
    assert image.format in {"PNG", "JPEG"}
    assert image.size == (400, 200)
    if mode != "L":
        corners = [photos.colour_at(image, x, y) for y in (0.2, 0.8) for x in (0.2, 0.8)]
        assert corners == ["red", "green", "blue", "white"]


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG", "AVIF"])
def test_nothing_goes_out_that_tells_where_a_photo_was_taken(kind: str) -> None:
    photo = photos.telling_photo(kind)
    assert photos.SECRET in photo
    developed = process(photo).content
    assert photos.SECRET not in developed
    image = photos.opened(developed)
    assert not image.getexif()
    assert not {"exif", "xmp", "comment", "icc_profile", "dpi"} & image.info.keys()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright_however_the_camera_was_held(kind: str, orientation: int) -> None:
    # Where the picture's first corner is seen, and the one beside it: the table of Exif 2.32, 4.6.4.A.
    seen = {
        1: ("red", "green", "blue", "white"),
        2: ("green", "red", "white", "blue"),
        3: ("white", "blue", "green", "red"),
        4: ("blue", "white", "red", "green"),
        5: ("red", "blue", "green", "white"),
        6: ("blue", "red", "white", "green"),
        7: ("white", "green", "blue", "red"),
        8: ("green", "white", "red", "blue"),
    }
    image = photos.opened(process(photos.telling_photo(kind, orientation)).content)
    assert image.size == ((400, 200) if orientation < 5 else (200, 400))
    assert tuple(photos.colour_at(image, x, y) for y in (0.2, 0.8) for x in (0.2, 0.8)) == seen[orientation]


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_picture_becomes_as_wide_as_mail_shows_and_says_so(kind: str) -> None:
    developed = process(photos.saved(photos.quarters((2400, 1800)), kind))
    assert photos.opened(developed.content).size == (WIDTH, 900)
    assert developed.note == "Scaled from 2,400 × 1,800 to 1,200 × 900 pixels."


def test_a_photo_that_lies_on_its_side_is_scaled_by_the_width_that_is_seen() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    developed = process(photos.saved(photos.quarters((3000, 4000)), "JPEG", exif=exif))
    assert photos.opened(developed.content).size == (WIDTH, 900)


def test_a_small_picture_is_not_blown_up() -> None:
    assert process(photos.saved(photos.quarters((30, 20)), "PNG")).note == ""
    assert photos.opened(process(photos.saved(photos.quarters((30, 20)), "PNG")).content).size == (30, 20)


def test_what_is_see_through_stays_so_and_what_is_not_becomes_light() -> None:
    glass = photos.quarters((100, 50), "RGBA")
    glass.putalpha(Image.linear_gradient("L").resize((100, 50)))
    assert photos.opened(process(photos.saved(glass, "PNG")).content).mode == "RGBA"
    noise = Image.effect_noise((1200, 900), 80).convert("RGBA")
    assert photos.opened(process(photos.saved(noise, "PNG")).content).format == "JPEG"


def test_a_drawing_of_few_colours_stays_as_small_as_it_is() -> None:
    drawing = photos.saved(photos.quarters((900, 600), "P"), "PNG")
    assert len(process(drawing).content) <= len(drawing)


def test_colours_of_print_and_of_other_spaces_come_out_as_they_are_seen() -> None:
    for content in (photos.saved(photos.quarters(mode="CMYK"), "JPEG"), photos.in_another_space()):
        image = photos.opened(process(content).content)
        assert (image.mode, "icc_profile" in image.info) == ("RGB", False)
        assert photos.colour_at(image, 0.2, 0.8) == "blue"


def test_a_profile_that_is_none_does_no_harm() -> None:
    broken = photos.saved(photos.quarters(), "JPEG", icc_profile=b"no profile at all")
    assert photos.colour_at(photos.opened(process(broken).content), 0.2, 0.2) == "red"


def test_a_small_animation_still_moves_and_has_lost_every_word() -> None:
    gif = photos.animated(comment=photos.SECRET) + b"<script>alert(1)</script>"
    assert photos.SECRET in gif
    developed = process(gif)
    image = photos.opened(developed.content)
    assert (image.format, image.n_frames, image.info["loop"], image.info["duration"]) == ("GIF", 3, 0, 100)
    assert photos.SECRET not in developed.content
    assert developed.content.endswith(b"\x3b")
    assert b"script" not in developed.content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (photos.animated(size=(1300, 20)), "may be 1,200 pixels across and 2 MB at most"),
        (photos.animated(kind="WEBP"), "mail programs show only GIFs moving"),
        (photos.animated(kind="PNG"), "mail programs show only GIFs moving"),
        (photos.gif_of_many(120, (1100, 1000)), "it has 120 of them"),
    ],
)
def test_an_animation_that_mail_cannot_carry_becomes_its_first_picture_and_says_why(
    content: bytes, reason: str
) -> None:
    developed = process(content)
    assert developed.note.startswith("Only the first picture of the animation is kept: ")
    assert reason in developed.note
    assert getattr(photos.opened(developed.content), "n_frames", 1) == 1


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (photos.png_that_claims(20_000, 20_000), "20,000 × 20,000"),
        (photos.png_that_claims(20_000, 10), "20,000 × 10"),
        (photos.png_that_claims(2**31 - 1, 2**31 - 1), "2,147,483,647 × 2,147,483,647"),
        (photos.webp_that_claims(16_383, 16_383), "16,383 × 16,383"),
        (photos.jpeg_that_claims(65_000, 65_000), "65,000 × 65,000"),
        (photos.gif_that_claims(65_535, 65_535), "65,535 × 65,535"),
    ],
)
def test_a_picture_that_unfolds_into_too_much_is_refused_before_it_is_decoded(content: bytes, size: str) -> None:
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, process_time()
    with pytest.raises(Invalid, match=f"has {size} pixels.*(25|50) million in all"):
        process(content)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB
    assert process_time() - began < 5


def test_words_that_unfold_into_too_much_are_not_unfolded() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Invalid, match="damaged"):
        process(photos.png_whose_words_unfold())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_an_upload_of_more_than_40_mb_is_refused_with_its_size() -> None:
    with pytest.raises(Invalid, match="has 41 MB; the limit is 40 MB"):
        process(photos.saved(photos.quarters(), "PNG") + bytes(UPLOAD_BYTES + 2**19))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg"/>', "This is an SVG drawing"),
        (b"\xef\xbb\xbf  <svg:svg/>", "This is an SVG drawing"),
        ('<svg onload="alert(1)"/>'.encode("utf-16"), "This is an SVG drawing"),
        (b"<svg><script>alert(1)</script></svg>", "This is an SVG drawing"),
        (b"<!DOCTYPE html><body><svg/>", "This is a web page"),
        (b"<!DOCTYPE html><p>Hello", "This is a web page"),
        (b"<script>alert(1)</script>", "This is a web page"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "This is a HEIC photo"),
        (b"%PDF-1.7", "This is not a PNG, JPEG, GIF, WebP or AVIF picture"),
        (b"BM" + bytes(60), "This is not a PNG"),
        (b"", "This is not a PNG"),
    ],
)
def test_what_is_no_picture_is_refused_by_what_it_is(content: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        process(content)


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_picture_that_is_a_page_as_well_only_the_picture_is_left(kind: str) -> None:
    page = b"<html><script>alert(document.cookie)</script></html>"
    polyglot = photos.saved(photos.quarters(), kind) + page
    if kind == "JPEG":
        polyglot = polyglot[:2] + b"\xff\xfe" + (len(page) + 2).to_bytes(2, "big") + page + polyglot[2:]
    assert b"script" not in process(polyglot).content


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_breaks_off_is_refused(kind: str) -> None:
    whole = photos.saved(Image.effect_noise((300, 300), 60).convert("RGB"), kind)
    with pytest.raises(Invalid, match="damaged"):
        process(whole[: len(whole) // 2])


@given(st.data())
def test_no_bytes_at_all_do_more_than_be_refused(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([*OF_EACH_KIND, photos.animated()])))
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(Invalid):
        assert photos.opened(process(cut).content).format in {"PNG", "JPEG", "GIF"}
