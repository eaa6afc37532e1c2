import io
from dataclasses import replace

import pytest
from PIL import Image, ImageChops, features

from newsletter.editorial.images import share_image
from newsletter.editorial.images.share_image import Card

CARD = Card("Unwind a tight back", "BackPainHelp", "#0f6b5c", "#fbfaf7", "#1f2a2e", is_rtl=False)
MARGIN, BAND = 88, 24
LONG = "A title of very many words " * 20
UNBROKEN = "Rückenschmerz" * 30
ARABIC = "كيف يخفف التدليك آلام الظهر في 2026"


def drawn(card: Card) -> Image.Image:
    return Image.open(io.BytesIO(share_image.draw(card))).convert("RGB")


def inked(card: Card) -> tuple[int, int, int, int]:
    """The box around what is drawn below the rule, without the band at the edge."""
    picture = drawn(card).crop((BAND, 150, share_image.WIDTH - BAND, share_image.HEIGHT))
    box = ImageChops.difference(picture, Image.new("RGB", picture.size, card.paper)).point(lambda value: value > 40)
    found = box.convert("L").getbbox()
    assert found is not None
    return found[0] + BAND, found[1] + 150, found[2] + BAND, found[3] + 150


@pytest.mark.parametrize("title", ["Walk", LONG, UNBROKEN, f"{LONG}🙂", "Łąka, ćwiczenia и спина"])
def test_a_title_of_any_length_stays_within_the_margins(title: str) -> None:
    left, _, right, bottom = inked(replace(CARD, title=title))
    assert left >= MARGIN - 8
    assert right <= share_image.WIDTH - MARGIN + 8
    assert bottom <= share_image.HEIGHT - 30


def test_a_picture_is_of_the_size_that_is_promised_and_in_the_colours_of_the_publication() -> None:
    picture = drawn(replace(CARD, accent="#8a1c4a"))
    assert picture.size == (share_image.WIDTH, share_image.HEIGHT)
    assert [abs(a - b) < 12 for a, b in zip(picture.getpixel((5, 300)), (0x8A, 0x1C, 0x4A), strict=True)] == [True] * 3


def test_a_right_to_left_publication_is_mirrored() -> None:
    card = replace(CARD, is_rtl=True)
    assert drawn(card).getpixel((5, 300)) == drawn(CARD).getpixel((1195, 300))
    assert inked(card)[2] > share_image.WIDTH - MARGIN - 8


def test_arabic_is_drawn_where_its_letters_can_be_joined() -> None:
    assert share_image.can_draw(ARABIC) is features.check("raqm")
    assert share_image.can_draw("Back pain 🙂")


def test_a_title_in_a_script_without_a_font_is_left_out() -> None:
    assert not share_image.can_draw("背中の痛み")
    assert share_image.draw(replace(CARD, title="背中の痛み")) == share_image.draw(replace(CARD, title="🙂"))


def test_the_digest_tells_cards_apart() -> None:
    changed = [replace(CARD, title="Other"), replace(CARD, accent="#000000"), replace(CARD, is_rtl=True)]
    assert len({card.digest for card in [CARD, *changed]}) == 4
