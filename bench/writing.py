"""The writing page in a browser: how soon it is open, and how soon a key is in the mail beside the text.

Beside it, in the same browser, what the machine needs at least: a bare page whose text field is copied into a frame.
"""

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bench.rows import Row
from bench.sinks import Missing
from newsletter.demo import ISSUES, Demo
from tests.real_parts import SWITCHES, find_chromium

DRAFT = "looser-by-degrees"
OWNER = "ann@press.example"
WORDS = 1_000
KEYS = "A backs first thousand words, typed twice over to be sure"
OPENINGS = 9

_BARE = """<!doctype html><title>Bare</title><textarea id="text" rows="20"></textarea><iframe id="mail"></iframe>
<script>
const text = document.getElementById("text");
text.addEventListener("input", () => {
  document.getElementById("mail").contentDocument.body.textContent = text.value;
  requestAnimationFrame(() => setTimeout(() => performance.mark("mail-shown")));
});
</script>"""
_TELL_TEXT = """new MutationObserver((_, observer) => {
  if (!document.querySelector(".cm-content")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => performance.mark("text-shown")));
}).observe(document, { childList: true, subtree: true });"""


@dataclass(frozen=True, slots=True)
class _Desk:
    page: Page
    bare: Page
    address: str


def of_keys() -> Row:
    """From a key to the pixels of the mail, in a text of a thousand words."""
    with _desk() as desk:
        _open(desk)
        body = desk.page.locator(".cm-content")
        body.press("Control+End")
        desk.page.keyboard.insert_text("\n\n" + "A back likes to move. " * (WORDS // 5))
        desk.bare.locator("#text").fill("A back likes to move. " * (WORDS // 5))
        pairs = [(key_to_pixels(desk.page, ".cm-content", key), key_to_pixels(desk.bare, "#text", key)) for key in KEYS]
    ours, bare = ([pair[place] for pair in pairs] for place in (0, 1))
    words = f"{WORDS:,} words"
    return Row(f"key to pixels in the desk's editor, {words}", _said(ours), f"bare: {_said(bare)}", None, "≤ 100 ms")


def of_opening() -> Row:
    """From the address to the pixels of a text that can be written in; and of its mail, which comes after it."""
    with _desk() as desk:
        desk.page.add_init_script(_TELL_TEXT)
        times = [_open(desk) for _ in range(OPENINGS + 1)][1:]
        bare = [_open_bare(desk) for _ in range(OPENINGS + 1)][1:]
    text, mail = ([one[place] for one in times] for place in (0, 1))
    ours = f"{_said(text)}; mail {statistics.median(mail):.0f}"
    return Row("opening the desk's editor", ours, f"a picture: {_said(bare)}", None, "≤ 400 ms")


def key_to_pixels(page: Page, field: str, key: str) -> float:
    """From the moment that a key goes down to the frame in which the mail shows it, in milliseconds."""
    page.locator(field).focus()
    page.evaluate(
        """() => {
            const once = { once: true, capture: true };
            const pressed = new Promise((told) => addEventListener("keydown", (event) => told(event.timeStamp), once));
            const shown = new Promise((told) => {
                const told_of = (marks) => told(marks.getEntriesByName("mail-shown")[0].startTime);
                new PerformanceObserver(told_of).observe({ type: "mark" });
            });
            window.taken = Promise.all([pressed, shown]).then(([from, to]) => to - from);
        }"""
    )
    page.keyboard.press("Space" if key == " " else key)
    return float(page.evaluate("window.taken"))


@contextmanager
def _desk() -> Iterator[_Desk]:
    chromium = find_chromium()
    if chromium is None:
        raise Missing("Chromium is missing")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        demo = Demo(Path(folder))
        demo.newsletter("db", "upgrade")
        demo.newsletter("issues", "load", str(ISSUES))
        link = demo.newsletter("editors", "add", OWNER, "--role", "owner").split()[-1]
        with demo.running():
            browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
            page = browser.new_page(viewport={"width": 1280, "height": 860})
            page.goto(link)
            page.get_by_role("button").first.click()
            page.wait_for_load_state()
            bare = browser.new_page(viewport={"width": 1280, "height": 860})
            bare.set_content(_BARE)
            yield _Desk(page, bare, demo.site)
            browser.close()


def _open(desk: _Desk) -> list[float]:
    """Milliseconds from the start of the visit to the first paint of the text, and to that of the mail."""
    desk.page.goto(f"{desk.address}/desk/issues/{DRAFT}/write")
    desk.page.locator(".cm-content").wait_for()
    desk.page.locator("#sheet[data-shown]").wait_for(state="attached")
    marks = "['text-shown', 'mail-shown'].map((name) => performance.getEntriesByName(name)[0]?.startTime ?? 0)"
    return list(desk.page.evaluate(marks))


def _open_bare(desk: _Desk) -> float:
    desk.bare.goto(f"{desk.address}/assets/desk.svg")
    return float(desk.bare.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))


def _said(times: list[float]) -> str:
    return f"{statistics.median(times):.0f} ms, worst {max(times):.0f}"
