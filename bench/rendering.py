"""Rendering an issue: Markdown to the HTML and the text that a letter is frozen from."""

from pathlib import Path

from bench.rows import Row, median_seconds
from newsletter.editorial.rendering import render
from newsletter.editorial.rendering.branding import Branding
from newsletter.editorial.source import issue_file

ISSUE = Path(__file__).parents[1] / "issues" / "2026-11-24-unwind-a-tight-back.md"
TIMES = 20


def measure() -> Row:
    """Milliseconds an issue."""
    file = issue_file.read(ISSUE)
    branding = Branding("BackPainHelp", "", "en", "1 Example Street", "https://letters.example.org/")

    def act() -> None:
        for _ in range(TIMES):
            render.issue_mail(file, branding, lambda name: f"https://letters.example.org/{name}")

    milliseconds = median_seconds(act) / TIMES * 1000
    return Row("rendering an issue", f"{milliseconds:.1f} ms", "–", None, "≤ 15 ms")
