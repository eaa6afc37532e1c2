"""The mail's colours against WCAG 2.2: 7 to 1 for what is read, 4.5 to 1 for the rest."""

import pytest

from newsletter.editorial import render

SCHEMES = ("light", "dark")


def palette(scheme: str) -> dict[str, str]:
    return getattr(render._templates().globals["ink"], scheme)


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", ["paper", "sand"])
def test_body_text_has_contrast_seven(scheme: str, ground: str) -> None:
    colours = palette(scheme)
    assert contrast(colours["ink"], colours[ground]) >= 7


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("words", "ground"),
    [
        *(("quiet", "paper"), ("accent", "paper"), ("accent", "sand"), ("warning", "sand")),
        ("on_accent", "accent"),
    ],
)
def test_everything_else_has_contrast_four_and_a_half(scheme: str, words: str, ground: str) -> None:
    colours = palette(scheme)
    assert contrast(colours[words], colours[ground]) >= 4.5
