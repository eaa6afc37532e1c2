"""The mails in a real browser and before a real spam filter."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from newsletter.characters import as_line, as_text
from newsletter.delivery.message import merge
from newsletter.editorial.rendering import render
from newsletter.editorial.rendering.render import FIELDS, Rendered
from newsletter.publications import Publication
from tests.editorial.sample_issues import BRANDING, correction, every_shape, picture_url

LOGO = "https://letters.example.org/pictures/logo.svg"
SHIPPED = Path(__file__).parents[2] / "issues"
KINDS = (
    "issue",
    "correction",
    "approval_request",
    "confirm",
    "reminder",
    "welcome",
    "goodbye",
    "link",
    "already",
    "address_confirm",
    "address_changed",
    "probe",
    "sign_in",
    "reset",
    "changed",
    "slot_warning",
    "sending_warning",
)

# Each element with words of its own, its colour, and the first ground behind it that is not transparent.
COLOURS = """() => [...document.querySelectorAll('body *')]
    .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())
        && element.getClientRects().length)
    .map(element => {
        let behind = element
        while (behind && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement
        return [element.textContent.trim().slice(0, 40), getComputedStyle(element).color,
            getComputedStyle(behind || document.body).backgroundColor]
    })"""


@pytest.fixture(scope="module")
def page(chrome: Browser) -> Iterator[Page]:
    """A page that loads nothing, for one mail after the other."""
    page = chrome.new_page()
    page.route("**/*", lambda route: route.abort())
    yield page
    page.close()


@cache
def rendered(kind: str) -> Rendered:
    if kind == "issue":
        return render.issue_mail(every_shape(), BRANDING, picture_url)
    if kind == "correction":
        return render.correction_mail(correction(), BRANDING, "Under the hands")
    return render.single_mail(kind, BRANDING)


def filled(kind: str) -> tuple[str, str, str]:
    mail = rendered(kind)
    values = {field: f"https://letters.example.org/{field}/{'x' * 60}" for field in FIELDS[kind] if "_url" in field}
    values |= {"name": "Zofia", "email": "zofia.kowalska@example.org"}
    values |= {"why": "because you confirmed your subscription on 3 May 2026"}
    return (
        merge.compile(mail.subject, FIELDS[kind]).fill(values, as_line),
        merge.compile(mail.html, FIELDS[kind]).fill(values, merge.as_html),
        merge.compile(mail.text, FIELDS[kind]).fill(values, as_text),
    )


def show(page: Page, kind: str, width: int, scheme: str = "light") -> None:
    look_at(page, width, scheme)
    page.set_content(filled(kind)[1])


def look_at(page: Page, width: int, scheme: str = "light") -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_sticks_out_at_any_width(page: Page, kind: str) -> None:
    show(page, kind, 320)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    look_at(page, 1280)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


# How many lines each word of the name stands in.
LINES_OF_WORDS = """() => {
    const text = document.querySelector('.wordmark a').firstChild;
    return [...text.data.matchAll(/\\S+/g)].map(word => {
        const range = document.createRange();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        return range.getClientRects().length;
    });
}"""


@pytest.mark.parametrize(
    "name", ["BackPainHelp", "The Neighbourhood Gazette", "Massageneuigkeiten", "Rückenschmerzsprechstunde"]
)
def test_no_word_of_the_name_is_broken_on_the_narrowest_phone_or_elsewhere(chrome: Browser, name: str) -> None:
    page = chrome.new_page(viewport={"width": 320, "height": 800})
    page.set_content(render.single_mail("link", replace(BRANDING, name=name)).html)
    for width in (320, 375, 600):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(LINES_OF_WORDS) == [1] * len(name.split()), width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.parametrize(("width", "height"), [(2000, 120), (4000, 100), (60, 60)])
def test_a_logo_of_any_shape_stays_within_its_column_and_is_not_squeezed(
    chrome: Browser, width: int, height: int
) -> None:
    logo = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"></svg>'
    box = Publication(logo_width=width, logo_height=height).logo_box(331)
    branding = replace(BRANDING, logo_url=f"{LOGO}?{width}", logo_box=box)
    page = chrome.new_page(viewport={"width": 375, "height": 800})
    page.route("**/*", lambda route: route.abort())
    page.route(f"{LOGO}*", lambda route: route.fulfill(content_type="image/svg+xml", body=logo))
    page.set_content(render.issue_mail(every_shape(), branding, picture_url).html)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    box = page.locator(".wordmark img").bounding_box()
    assert box
    assert box["height"] <= 40
    assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.05)
    page.close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_can_be_told_from_its_ground(page: Page, kind: str) -> None:
    show(page, kind, 375)
    for scheme in ("light", "dark"):
        look_at(page, 375, scheme)
        colours = page.evaluate(COLOURS)
        faint = [(words, ink, ground) for words, ink, ground in colours if contrast(ink, ground) < 4.5]
        assert len(colours) > 7
        assert faint == [], scheme


@pytest.mark.parametrize("kind", ["issue", "correction", "approval_request", "confirm", "sign_in", "goodbye"])
def test_buttons_are_big_enough_for_a_thumb(page: Page, kind: str) -> None:
    show(page, kind, 375)
    heights = page.evaluate("[...document.querySelectorAll('.press a')].map(a => a.getBoundingClientRect().height)")
    assert heights
    assert min(heights) >= 44


def test_the_confirm_button_comes_before_the_fold_of_a_small_phone(page: Page) -> None:
    show(page, "confirm", 320)
    assert page.evaluate("document.querySelector('.press a').getBoundingClientRect().bottom") <= 480


@pytest.mark.slow
def test_a_spam_filter_has_nothing_against_any(spamassassin: str, tmp_path: Path) -> None:
    for kind in KINDS:
        (tmp_path / kind).write_bytes(message(kind))
    # All at once, for it takes seconds to start.
    judged = subprocess.run([spamassassin, "-L", "-t", *KINDS], cwd=tmp_path, capture_output=True, check=True)
    _, *details = judged.stdout.decode(errors="replace").split("Content analysis details:")
    points = {
        kind: float(detail.split("(")[1].split(" points")[0]) for kind, detail in zip(KINDS, details, strict=True)
    }
    assert {kind: given for kind, given in points.items() if given >= 1} == {}, judged.stdout.decode(errors="replace")


def message(kind: str) -> bytes:
    subject, html, text = filled(kind)
    made = EmailMessage(policy=SMTP)
    made["From"] = "Back & Forth <letter@example.org>"
    made["To"] = "Zofia <zofia@example.org>"
    made["Subject"] = subject
    made["Date"] = "Tue, 24 Nov 2026 09:00:00 +0100"
    made["Message-ID"] = "<1.1@example.org>"
    made.set_content(text, cte="quoted-printable")
    made.add_alternative(html, subtype="html", cte="quoted-printable")
    return made.as_bytes()


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    red, green, blue = (linear(int(part)) for part in colour.strip("rgb()").split(","))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(part: int) -> float:
    share = part / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
