"""Rendering: an issue, a correction or a single mail as subject, preheader, HTML and text with merge fields.

    Markdown -> sanitised HTML -> Jinja -> MJML -> HTML with inlined styles -> merge fields filled for each copy

Templates come only from `templates/mail`; text typed by a person is never run as a template. Jinja values are
written `[[ value ]]`, so that `{{ field }}` in a template is a merge field as well.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from newsletter import characters
from newsletter.delivery.message import merge
from newsletter.delivery.message.content import PURPOSES, Purpose
from newsletter.editorial.models import Size
from newsletter.editorial.rendering import mail_html, mjml, plain_text, theme
from newsletter.editorial.rendering.branding import Branding, Link
from newsletter.editorial.source import markdown
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.i18n.messages import SOURCE
from newsletter.system import bundled

if TYPE_CHECKING:
    from jinja2 import Environment

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
    "summary",
    "test_note",
]

_TO_NOBODY = dict.fromkeys(merge.EDITORS, "")
CLIP_BYTES = 102_400
"""Gmail clips a mail's HTML at this size, which may hide the unsubscribe link."""

FIELDS = {
    "issue": frozenset({*merge.EDITORS, "why", "unsubscribe_url", "preferences_url", "archive_url", "comments_url"}),
    "correction": frozenset({*merge.EDITORS, "why", "unsubscribe_url", "preferences_url", "archive_url"}),
    # No name: the sign-up form takes any text, so a stranger could have us mail it to anybody.
    "confirm": frozenset({"email", "confirm_url", "valid_for"}),
    "reminder": frozenset({"email", "confirm_url", "valid_for"}),
    "welcome": frozenset({*merge.EDITORS, "next_issue", "archive_url", "unsubscribe_url", "preferences_url"}),
    # No name, as in confirm: it is sent to whoever types the address.
    "link": frozenset({"email", "manage_url"}),
    "already": frozenset({"email", "manage_url"}),
    "address_confirm": frozenset({"email", "address_url"}),
    "address_changed": frozenset({"email", "new_address", "address_url"}),
    "goodbye": frozenset({*merge.EDITORS, "subscribe_url"}),
    "probe": frozenset({*merge.EDITORS, "preferences_url", "unsubscribe_url"}),
    "approval_request": frozenset({*merge.EDITORS, "asked_by", "issue_title", "comment", "approval_url"}),
    "sign_in": frozenset({*merge.EDITORS, "sign_in_url", "valid_for", "invited_by", "role"}),
    "reset": frozenset({*merge.EDITORS, "reset_url", "valid_for"}),
    "changed": frozenset({*merge.EDITORS, "changed", "desk_url"}),
    "slot_warning": frozenset({*merge.EDITORS, "headline", "slot", "why", "remedy", "calendar_url"}),
    "comments_waiting": frozenset({*merge.EDITORS, "headline", "issues", "comments_url"}),
    # No name, as in confirm: somebody typed the address.
    "comment_confirm": frozenset({"email", "issue_title", "confirm_url", "comments_url"}),
    "comment_reply": frozenset({"email", "issue_title", "names", "comments_url", "stop_url"}),
    "contact_request": frozenset({"email", "what", "topic", "preferred_time", "text", "desk_url"}),
    "requests_waiting": frozenset({"email", "count", "days", "desk_url"}),
    "sending_warning": frozenset({*merge.EDITORS, "headline", "why", "said", "remedy", "issue_url"}),
}
"""The merge fields of each kind of mail. All URLs (`…_url`) are required when filling; the rest have fallbacks."""

_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True)
class Rendered:
    """A rendered mail; each part is a template for `delivery.message.merge`."""

    subject: str
    preheader: str
    html: str
    text: str

    @property
    def bytes(self) -> int:
        """The size of the HTML in UTF-8, to compare with CLIP_BYTES."""
        return len(self.html.encode())

    @cached_property
    def content_hash(self) -> str:
        """The SHA-256 of everything a reader sees, which approvals are bound to."""
        return hashlib.sha256(f"{self.subject}\0{self.html}\0{self.text}".encode()).hexdigest()


def correction_mail(file: IssueFile, branding: Branding, corrected: str) -> Rendered:
    """The mail about a correction of the issue titled `corrected`; it has no pictures."""
    article = mail_html.for_mail(markdown.to_html(file.body, str, language=branding.language, pages=branding.pages))
    values = {"branding": branding, "corrected": corrected, "title": file.title}
    html = _filled(
        "correction/letter.mjml",
        article=Markup(article),  # noqa: S704  (sanitised)
        preheader=Markup(escape(file.preheader)),  # noqa: S704  (escaped; it may hold merge fields)
        **values,
    )
    plain = _filled(
        "correction/letter.txt",
        article=_plain(file, branding),
        **values,
    )
    return _checked("correction", Rendered(file.subject, file.preheader, mjml.to_html(html), plain))


def issue_mail(
    file: IssueFile,
    branding: Branding,
    picture_url: Callable[[str], str],
    sizes: Mapping[str, Size] | None = None,
    *,
    lines: bool = False,
) -> Rendered:
    """The mail of an issue; `picture_url` gives the public URL of a picture named in the text, `sizes` its size.

    With `lines` it is for a preview only: its blocks say on which line of the body they start.
    """
    article = mail_html.for_mail(
        markdown.to_html(file.body, picture_url, lines=lines, language=branding.language, pages=branding.pages), sizes
    )
    html = mjml.to_html(
        _filled(
            "issue/letter.mjml",
            issue=file,
            branding=branding,
            article=Markup(article),  # noqa: S704  (sanitised)
            preheader=Markup(escape(file.preheader)),  # noqa: S704  (escaped; it may hold merge fields)
        )
    )
    plain = _filled(
        "issue/letter.txt",
        issue=file,
        branding=branding,
        article=_plain(file, branding, lines=lines),
    )
    return _checked("issue", Rendered(file.subject, file.preheader, html, plain))


@lru_cache(maxsize=64)
def single_mail(kind: str, branding: Branding, first_read: Link | None = None) -> Rendered:
    """A mail to one reader: `confirm`, `welcome` (may show the latest issue), or another kind of FIELDS."""
    values = {"branding": branding, "first_read": first_read}
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
    """The lines that mark a test mail, for its HTML and for its text part."""
    return _filled("test/note.html"), _filled("test/note.txt")


def issue_page(
    file: IssueFile, picture_url: Callable[[str], str], language: str = SOURCE, pages: markdown.Pages = ()
) -> str:
    """The article for the archive: sanitised HTML whose headings have ids, with merge fields as their fallbacks."""
    article = markdown.to_html(file.body, picture_url, anchors=True, language=language, pages=pages)
    return merge.compile(article, merge.EDITORS).fill(_TO_NOBODY, merge.as_html)


def summary(file: IssueFile) -> str:
    """The preheader in one line, with merge fields as their fallbacks."""
    return merge.compile(file.preheader, merge.EDITORS).fill(_TO_NOBODY, characters.as_text)


def _plain(file: IssueFile, branding: Branding, *, lines: bool = False) -> Markup:
    # Plain text, which holds merge fields.
    return Markup(plain_text.to_text(file.body, branding.language, branding.pages, lines=lines))  # noqa: S704


def _checked(kind: str, letter: Rendered) -> Rendered:
    for part in (letter.subject, letter.preheader, letter.html, letter.text):
        merge.compile(part, FIELDS[kind])
    return letter


def _filled(template: str, **values: object) -> str:
    branding = values.get("branding")
    colours = (
        theme.with_accents(branding.accent, branding.accent_dark) if isinstance(branding, Branding) else theme.DEFAULT
    )
    for_team = PURPOSES.get(template.partition("/")[0]) is Purpose.TEAM
    filled = _templates().get_template(template).render(ink=colours, for_team=for_team, **_sides(branding), **values)
    return filled if template.endswith(".mjml") else _BLANK_LINES.sub("\n\n", filled).strip() + "\n"


def _sides(branding: object) -> dict[str, str]:
    """Which side a line starts and ends on, and the letter spacing, which is 0 for scripts with joined letters."""
    if isinstance(branding, Branding) and branding.direction == "rtl":
        return {"start": "right", "end": "left", "tracking": "normal"}
    return {"start": "left", "end": "right", "tracking": "0.09em"}


@cache
def _templates() -> "Environment":
    # Imported here, as mjml is, because few processes render.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    from newsletter.i18n import template_words

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
    # A translated sentence stays Markup, so that its merge fields are not printed as braces.
    templates.filters["underlined"] = lambda words, rule: type(words)("\n".join(plain_text.underlined(words, rule)))
    templates.filters["wrapped"] = lambda words: type(words)(plain_text.paragraphs(words))
    templates.filters["hung"] = lambda words, mark: "\n".join(
        plain_text.hung(plain_text.wrapped(words, plain_text.WIDTH - 4), mark)
    )
    template_words.install(templates, lambda context: _language(context.get("branding")), _as_printed)
    return templates


def _language(branding: object) -> str:
    return branding.language if isinstance(branding, Branding) else SOURCE


def _as_printed(value: object) -> object:
    """Escape a value's braces, so they are not read as merge fields; markup was made by us and keeps its fields."""
    return merge.literal(value) if isinstance(value, str) and not isinstance(value, Markup) else value
