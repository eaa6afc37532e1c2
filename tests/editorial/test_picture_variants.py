import re
from datetime import datetime
from pathlib import Path

import pytest
from markupsafe import Markup

from newsletter.db import Sessions
from newsletter.editorial.images import page_html, processing, variants
from newsletter.editorial.images.pictures import FolderPictureStore
from newsletter.editorial.images.variants import Variant
from newsletter.editorial.models import Picture
from newsletter.errors import NotFound
from tests.editorial import photos

SHA = "a" * 64
PHOTO = photos.saved(photos.quarters((1000, 500)), "JPEG")


@pytest.fixture
def folder(tmp_path: Path) -> FolderPictureStore:
    return FolderPictureStore(tmp_path)


def keep(sessions: Sessions, folder: FolderPictureStore, content: bytes, now: datetime) -> Picture:
    with sessions.begin() as session:
        return folder.keep(session, "a photo", content, now)


def read(sessions: Sessions, folder: FolderPictureStore, wanted: Variant) -> bytes:
    with sessions.reading() as session:
        return b"".join(variants.open_variant(folder, session, wanted).chunks)


@pytest.mark.parametrize(
    ("width", "widths"), [(1200, [480, 720, 1080, 1200]), (800, [480, 720, 800]), (480, [480]), (20, [20])]
)
def test_a_picture_has_its_own_width_and_those_below_it(width: int, widths: list[int]) -> None:
    assert [each.width for each in variants.variants_of(f"{SHA}.png", width)] == widths


def test_an_animation_has_no_variants() -> None:
    assert variants.variants_of(f"{SHA}.gif", 1200) == []


@pytest.mark.parametrize("name", [f"{SHA}.png", f"{SHA}-480.png", f"{SHA}-48000.webp", f"../{SHA}-480.webp", ""])
def test_the_name_of_anything_else_is_refused_as_a_variant(name: str) -> None:
    assert Variant.parse(name) is None


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P"])
def test_a_picture_of_any_mode_is_scaled(mode: str) -> None:
    picture = photos.opened(processing.as_webp(photos.saved(photos.quarters((1000, 500), mode), "PNG"), 480))
    assert (picture.format, picture.size) == ("WEBP", (480, 240))
    if mode in {"RGB", "RGBA", "P"}:
        assert photos.colour_at(picture, 0.25, 0.75) == "blue"


def test_a_variant_is_made_once_and_never_larger_than_its_picture(
    sessions: Sessions, folder: FolderPictureStore, now: datetime
) -> None:
    picture = keep(sessions, folder, PHOTO, now)
    for wanted in variants.variants_of(picture.file_name, picture.width):
        assert photos.opened(read(sessions, folder, wanted)).size == (wanted.width, wanted.width // 2)
    small = Variant(picture.file_name[:64], 480)
    first = read(sessions, folder, small)
    folder.path(picture.file_name).unlink()
    assert read(sessions, folder, small) == first
    for width in (1080, 1200, 479, 0):
        with pytest.raises(NotFound):
            read(sessions, folder, Variant(small.sha256, width))


def test_a_variant_that_cannot_be_stored_is_shown_all_the_same(
    sessions: Sessions, folder: FolderPictureStore, now: datetime
) -> None:
    picture = keep(sessions, folder, PHOTO, now)
    (folder.root / "variants").write_text("a file in the way of the folder")
    wanted = Variant(picture.file_name[:64], 720)
    assert photos.opened(read(sessions, folder, wanted)).size == (720, 360)


def test_a_picture_that_was_stored_as_it_was_loaded_has_no_variants(
    sessions: Sessions, folder: FolderPictureStore, now: datetime
) -> None:
    picture = keep(sessions, folder, PHOTO, now)
    with sessions.begin() as session:
        session.merge(picture).developed = False
    with pytest.raises(NotFound):
        read(sessions, folder, Variant(picture.file_name[:64], 480))


def test_an_animation_has_no_variant_that_stands_still(
    sessions: Sessions, folder: FolderPictureStore, now: datetime
) -> None:
    picture = keep(sessions, folder, photos.animated(size=(600, 300)), now)
    with pytest.raises(NotFound):
        read(sessions, folder, Variant(picture.file_name[:64], 480))


def test_a_figure_leads_to_its_whole_picture_and_tells_its_size() -> None:
    url = f"/pictures/{SHA}.png"
    page = page_html.for_page(f'<figure><img src="{url}" alt="A &lt;back&gt;"/></figure>', {url: (800, 400)})
    assert page.startswith(
        f'<figure><a href="{url}"><picture><source type="image/webp" srcset="/pictures/{SHA}-480.webp 480w,'
    )
    assert f'{SHA}-800.webp 800w" sizes="' in page
    assert page.endswith(f'<img src="{url}" alt="A &lt;back&gt;" width="800" height="400"/></picture></a></figure>')


@pytest.mark.parametrize(
    "article",
    [
        '<p>A <img src="{url}" alt="line"/> inside.</p>',
        '<figure><img src="{url}" alt=""/></figure>',
        '<figure><a href="https://host.example"><img src="{url}" alt="A door"/></a></figure>',
    ],
)
def test_a_picture_inside_text_or_without_words_or_with_a_link_of_its_own_gets_no_link(article: str) -> None:
    page = page_html.for_page(article.format(url=f"/pictures/{SHA}.png"), {})
    assert f'href="/pictures/{SHA}.png"' not in page
    assert page.count("<a ") == article.count("<a ")


def test_a_narrower_picture_is_fetched_in_no_more_pixels_than_it_needs() -> None:
    url = f"/pictures/{SHA}.png"
    page = page_html.for_page(f'<figure><img class="half" src="{url}" alt="A"/></figure>', {url: (800, 400)})
    assert 'sizes="342px"' in page
    assert f'<img class="half" src="{url}" alt="A" width="800" height="400"/>' in page


def test_all_but_the_first_picture_wait_until_they_are_near() -> None:
    page = page_html.for_page('<p><img src="a" alt=""/><img src="b" alt=""/><img src="c" alt=""/></p>', {})
    assert re.findall(r"<img ([^>]*)/>", page) == [
        'src="a" alt=""',
        'src="b" alt="" loading="lazy"',
        'src="c" alt="" loading="lazy"',
    ]


def test_what_is_not_known_of_a_picture_is_left_out() -> None:
    assert (
        page_html.image("/x.png", Markup(), None, "9px", is_lazy=False)
        == '<picture><img src="/x.png" alt=""/></picture>'
    )
