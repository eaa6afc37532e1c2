"""The pictures in README and docs are those that `make screenshots` takes."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LARGEST = 150_000


def test_every_picture_shown_is_taken_by_the_script_and_every_picture_taken_is_shown() -> None:
    pages = (path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *DOCS.rglob("*.md")))
    shown = {name for page in pages for name in re.findall(r"screenshots/([\w-]+\.\w+)", page)}
    script = (DOCS / "take_screenshots.py").read_text(encoding="utf-8")
    taken = {f"{name}.webp" for name in re.findall(r'_take\(\w+, "([\w-]+)"\)', script)}
    stored = {path.name for path in (DOCS / "screenshots").iterdir() if path.is_file()}
    assert shown == taken == stored


def test_no_picture_is_heavy() -> None:
    heavy = [path.name for path in (DOCS / "screenshots").glob("*.webp") if path.stat().st_size > LARGEST]
    assert heavy == []
