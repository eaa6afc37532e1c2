"""How a page looks on a phone and a desktop, light and dark: each on the page as it stands, which is opened once."""

from playwright.sync_api import Page

from tests.real_parts import Axe

LIGHT, DARK = "light", "dark"
PHONE, DESKTOP = 375, 1280
OF_COLOUR = ("color-contrast", "link-in-text-block")
"""The rules that a colour scheme can break; the others need one look at each width."""
_FAINT_EDGES = """() => {
    const light = (colour) => colour.slice(0, 3)
        .map((one) => one / 255)
        .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
        .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const ground = (element) => {
        for (let part = element; part; part = part.parentElement) {
            const [red, green, blue, alpha = 1] = parts(getComputedStyle(part).backgroundColor);
            if (alpha) return [red, green, blue];
        }
        return [255, 255, 255];
    };
    const contrast = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const isFaint = (field) => [field, field.parentElement].every((part) =>
        contrast(light(parts(getComputedStyle(field).borderTopColor)), light(ground(part))) < 3);
    const fields = "input:not(:checked, [type=hidden], [type=color], [type=range]), select, textarea";
    return [...document.querySelectorAll(fields)]
        .filter((field) => field.checkVisibility() && isFaint(field))
        .map((field) => `faint edge: ${field.outerHTML.slice(0, 120)}`);
}"""
"""Fields whose edge cannot be told from what is around them (WCAG 1.4.11), which axe does not judge."""


def faults(page: Page, axe: Axe) -> list[str]:
    """What is wrong in any look: what axe finds, and what is wider than the screen. Then it looks as it did before."""
    before = page.viewport_size
    found = []
    for width in (PHONE, DESKTOP):
        found += faults_of(page, axe, LIGHT, width)
        found += faults_of(page, axe, DARK, width, *OF_COLOUR)
    show(page, LIGHT)
    page.set_viewport_size(before or {"width": DESKTOP, "height": 800})
    return found


def faults_of(page: Page, axe: Axe, scheme: str, width: int, *rules: str) -> list[str]:
    """What is wrong in one look, by all of axe's rules or by these."""
    show(page, scheme, width)
    found = [f"{scheme}, {width}: {fault}" for fault in [*axe(page, *rules), *page.evaluate(_FAINT_EDGES)]]
    return [*found, f"{scheme}, {width}: too wide"] if is_too_wide(page) else found


def show(page: Page, scheme: str, width: int = 0) -> None:
    """Let the page look so, at once: a colour that is still on its way to another is neither."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    if width:
        page.set_viewport_size({"width": width, "height": 800})


def is_too_wide(page: Page) -> bool:
    """Whether the page has to be moved sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))
