"""Letters, ready to be frozen: subject, preheader, HTML and text, with their merge fields still in.

    Markdown -> sanitised HTML -> Jinja -> MJML -> HTML with inlined styles -> merge fields, for each copy

Templates come from `templates/mail` alone: nothing that a person typed is ever run as one. Jinja
writes its values as `[[ value ]]`, so that `{{ field }}` in a template is a merge field too.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from newsletter.delivery.message import merge
from newsletter.editorial.rendering import mail_html, mjml, plain_text, theme
from newsletter.editorial.rendering.branding import Branding, Link
from newsletter.editorial.source import markdown
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.system import bundled

__all__ = [
    "CLIP_BYTES",
    "FIELDS",
    "Branding",
    "Link",
    "Rendered",
    "correction_mail",
    "issue_mail",
    "issue_page",
    "single_mail",
    "test_note",
]

CLIP_BYTES = 102_400
"""Gmail shows no more of a mail's HTML than this, and so may hide the way to leave."""

FIELDS = {
    "issue": frozenset({*merge.EDITORS, "why", "unsubscribe_url", "preferences_url", "archive_url"}),
    "correction": frozenset({*merge.EDITORS, "why", "unsubscribe_url", "preferences_url", "archive_url"}),
    # No name: the form takes any, so a stranger could have us mail words of his to anybody.
    "confirm": frozenset({"email", "confirm_url", "valid_for"}),
    "welcome": frozenset({*merge.EDITORS, "next_issue", "archive_url", "unsubscribe_url", "preferences_url"}),
    "goodbye": frozenset({*merge.EDITORS, "subscribe_url"}),
    "approval_request": frozenset({*merge.EDITORS, "asked_by", "issue_title", "comment", "approval_url"}),
    "sign_in": frozenset({*merge.EDITORS, "sign_in_url", "valid_for", "invited_by", "role"}),
    "reset": frozenset({*merge.EDITORS, "reset_url", "valid_for"}),
    "changed": frozenset({*merge.EDITORS, "changed", "desk_url"}),
    "slot_warning": frozenset({*merge.EDITORS, "headline", "slot", "why", "remedy", "calendar_url"}),
    "sending_warning": frozenset({*merge.EDITORS, "headline", "why", "said", "remedy", "issue_url"}),
}
"""The merge fields of each kind of letter. Filling needs all its addresses (`…_url`); the rest have fallbacks."""

_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter for any number of readers; each part is a template for `delivery.merge`."""

    subject: str
    preheader: str
    html: str
    text: str

    @property
    def bytes(self) -> int:
        """The size of the HTML in UTF-8, to hold against CLIP_BYTES."""
        return len(self.html.encode())


def correction_mail(file: IssueFile, masthead: Branding, corrected: str) -> Rendered:
    """A letter about what was wrong in an issue of that title; it shows no pictures."""
    article = mail_html.for_mail(markdown.to_html(file.body, str))
    values = {"masthead": masthead, "corrected": corrected, "title": file.title}
    html = _filled(
        "correction/letter.mjml",
        article=Markup(article),  # noqa: S704  (sanitised)
        preheader=Markup(escape(file.preheader)),  # noqa: S704  (escaped; it may hold merge fields)
        **values,
    )
    plain = _filled(
        "correction/letter.txt",
        article=Markup(plain_text.to_text(file.body)),  # noqa: S704  (plain text, which holds merge fields)
        **values,
    )
    return _checked("correction", Rendered(file.subject, file.preheader, mjml.to_html(html), plain))


def issue_mail(file: IssueFile, masthead: Branding, picture_url: Callable[[str], str]) -> Rendered:
    """An issue as its letter; `picture_url` gives the public address of a picture named in the text."""
    article = mail_html.for_mail(markdown.to_html(file.body, picture_url))
    html = mjml.to_html(
        _filled(
            "issue/letter.mjml",
            issue=file,
            masthead=masthead,
            article=Markup(article),  # noqa: S704  (sanitised)
            preheader=Markup(escape(file.preheader)),  # noqa: S704  (escaped; it may hold merge fields)
        )
    )
    plain = _filled(
        "issue/letter.txt",
        issue=file,
        masthead=masthead,
        article=Markup(plain_text.to_text(file.body)),  # noqa: S704  (plain text, which holds merge fields)
    )
    return _checked("issue", Rendered(file.subject, file.preheader, html, plain))


@lru_cache(maxsize=64)
def single_mail(kind: str, masthead: Branding, latest_issue: Link | None = None) -> Rendered:
    """A letter for one reader: `confirm`, `welcome` (may show the latest issue), and the others of FIELDS."""
    values = {"masthead": masthead, "latest_issue": latest_issue}
    preheader = _filled(f"{kind}/preheader.txt", **values).strip()
    html = _filled(f"{kind}/letter.mjml", preheader=Markup(escape(preheader)), **values)  # noqa: S704  (escaped)
    letter = Rendered(
        subject=_filled(f"{kind}/subject.txt", **values).strip(),
        preheader=preheader,
        html=mjml.to_html(html),
        text=_filled(f"{kind}/letter.txt", **values),
    )
    return _checked(kind, letter)


@cache
def test_note() -> tuple[str, str]:
    """The lines that say of a test mail that it is one: for its HTML, and for its text part."""
    return _filled("test/note.html"), _filled("test/note.txt")


def issue_page(file: IssueFile, picture_url: Callable[[str], str]) -> str:
    """The article for the web: sanitised HTML whose headings have ids, written to nobody by name."""
    article = markdown.to_html(file.body, picture_url, anchors=True)
    return merge.compile(article, merge.EDITORS).fill(dict.fromkeys(merge.EDITORS, ""), merge.as_html)


def _checked(kind: str, letter: Rendered) -> Rendered:
    for part in (letter.subject, letter.preheader, letter.html, letter.text):
        merge.compile(part, FIELDS[kind])
    return letter


def _filled(template: str, **values: object) -> str:
    masthead = values.get("masthead")
    inks = theme.with_accents(masthead.accent, masthead.accent_dark) if isinstance(masthead, Branding) else theme.HOUSE
    filled = _templates().get_template(template).render(ink=inks, **_sides(masthead), **values)
    return filled if template.endswith(".mjml") else _BLANK_LINES.sub("\n\n", filled).strip() + "\n"


def _sides(masthead: object) -> dict[str, str]:
    """Where a line starts and ends; and how far small capitals stand apart, which would tear joined letters."""
    if isinstance(masthead, Branding) and masthead.direction == "rtl":
        return {"start": "right", "end": "left", "tracking": "normal"}
    return {"start": "left", "end": "right", "tracking": "0.09em"}


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(bundled.folder("templates") / "mail"),
        autoescape=select_autoescape(["mjml"]),
        undefined=StrictUndefined,
        finalize=_as_printed,
        variable_start_string="[[",
        variable_end_string="]]",
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.filters["underlined"] = lambda heading, rule: "\n".join(plain_text.underlined(heading, rule))
    templates.filters["hung"] = lambda words, mark: "\n".join(
        plain_text.hung(plain_text.wrapped(words, plain_text.WIDTH - 4), mark)
    )
    templates.filters["wrapped"] = lambda words: "\n".join(plain_text.wrapped(words, plain_text.WIDTH))
    return templates


def _as_printed(value: object) -> object:
    """A value's braces are printed, never read as a merge field; markup was made by us and keeps its fields."""
    return merge.literal(value) if isinstance(value, str) and not isinstance(value, Markup) else value
