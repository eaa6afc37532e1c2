"""The mail's colours against WCAG 2.2: 7 to 1 for what is read, 4.5 to 1 for the rest."""

import pytest

from newsletter.editorial.rendering import theme

SCHEMES = ("light", "dark")


def palette(scheme: str) -> dict[str, str]:
    return dict(getattr(theme.DEFAULT, scheme))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", ["paper", "sand"])
def test_body_text_has_contrast_seven(scheme: str, ground: str) -> None:
    colours = palette(scheme)
    assert theme.contrast(colours["ink"], colours[ground]) >= 7


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
    assert theme.contrast(colours[words], colours[ground]) >= 4.5
