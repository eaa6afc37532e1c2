"""Sample issues for the editorial tests: hostile Markdown, and one with every kind of block."""

from pathlib import Path

from hypothesis import strategies as st

from newsletter.editorial.rendering.branding import Branding, Link
from newsletter.editorial.source import issue_file
from newsletter.editorial.source.issue_file import IssueFile

_HOSTILE = st.sampled_from(
    [
        *("<script>", "</p>", "<img src=x onerror=alert(1)>", "<!--", "]]>", "&lt;", "&#123;", "<mj-text>"),
        *("[a](javascript:alert(1))", "![b](x.png)", '![b](x "', '"', "'", "{.button}", "{{ name | ", "{{ name }}"),
        *("> [!TIP]\n", "> ", "- ", "1. ", "\n", "\n\n", "    ", "# ", "| a | b |\n|--|--|\n", "`", "**", "~~", "\\"),
    ]
)
BODIES = st.lists(_HOSTILE | st.text(max_size=6), max_size=20).map("".join)
"""Markdown that tries to get out of its page."""

BRANDING = Branding(
    name="Back & Forth",
    tagline="One calm letter a week",
    language="en-GB",
    postal_address="\nBack & Forth\n1 Example Street\n00-000 Sampleton",
    site_url="https://letters.example.org/",
    sender_name="Back & Forth",
    booking_url="https://example.org/book",
    ask_url="https://example.org/ask",
    takes_comments=True,
    follow=(Link("Instagram", "https://instagram.example/back"), Link("Pinterest", "https://pinterest.example/back")),
)


def every_shape() -> IssueFile:
    """An issue with each thing that an article may hold."""
    name = "2026-11-24-every-shape.md"
    return issue_file.parse((Path(__file__).parent / name).read_text(), name)


def correction() -> IssueFile:
    """A letter about what was wrong in an issue."""
    head = "title: 'Correction: Under the hands'\nsubject: 'Correction: Under the hands & how they press'\n"
    head += "preheader: We wrote ten hours; it is ten minutes.\n"
    body = "Hello {{ name | friend }},\n\nOn Tuesday we sent you “Under the hands”. Something in it was wrong:\n\n"
    body += "> We wrote *ten hours*; it is ten minutes.\n\nWe are sorry for the mistake.\n"
    return issue_file.parse(f"---\n{head}---\n{body}", "2026-11-24-under-the-hands.md")


def picture_url(name: str) -> str:
    """Where a picture is in public."""
    return f"https://letters.example.org/pictures/{name}"
