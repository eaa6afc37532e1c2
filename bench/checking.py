"""Preflight of an issue of 1,000 words: every rule that asks nobody else."""

from bench.rows import Row, median_seconds
from newsletter.editorial import preflight
from newsletter.editorial.rendering import render
from newsletter.editorial.rendering.branding import Branding
from newsletter.editorial.source import issue_file

FRONT = "---\ntitle: A long issue\nsubject: All about a tight back\npreheader: Everything at some length.\n---\n"
PART = f"## A part\n\n{'Stretch gently, breathe out, and let the shoulders sink a little. ' * 9}\n\nSee [the NHS](https://www.nhs.uk/).\n\n"
TIMES = 20


def measure() -> Row:
    """Milliseconds an issue."""
    file = issue_file.parse(FRONT + PART * 10, "2026-11-24-long.md")
    branding = Branding("BackPainHelp", "", "en", "1 Example Street", "https://letters.example.org/")
    mail = render.issue_mail(file, branding, lambda name: f"https://letters.example.org/{name}")
    words = preflight.CheckContext(file, mail).word_count

    def act() -> None:
        for _ in range(TIMES):
            preflight.check(file, mail)

    milliseconds = median_seconds(act) / TIMES * 1000
    return Row(f"preflight of {words:,} words", f"{milliseconds:.1f} ms", "–", None, "≤ 20 ms")
