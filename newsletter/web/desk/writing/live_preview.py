"""The live preview: renders the text being typed with the same code as sending, and stores nothing."""

from contextlib import suppress

from flask import Response, jsonify, request

from newsletter.db import Session
from newsletter.editorial.images import pictures
from newsletter.editorial.issues import drafts, issue_store
from newsletter.editorial.issues.drafts import ParsedText
from newsletter.editorial.models import Issue
from newsletter.editorial.rendering import plain_text, render
from newsletter.editorial.rendering.branding import Branding
from newsletter.editorial.rendering.render import Rendered
from newsletter.editorial.source import issue_file, issue_form, reading_time
from newsletter.errors import Invalid
from newsletter.i18n import formats
from newsletter.web import auth
from newsletter.web.context import services
from newsletter.web.desk import lookup, previews
from newsletter.web.desk.writing import details, editor_form

VIEWS = {
    "phone": previews.VIEWS["phone"],
    "desktop": previews.VIEWS["desktop"],
    "both": "Phone and desktop",
    **previews.VIEWS,
}
"""The views of the writing page, which has room for two mails side by side."""


def preview(slug: str) -> Response:
    """The rendered mail in the view asked for, with the text's faults; no mail while it cannot be rendered."""
    with services().sessions.reading() as store:
        found = editor_form.issue(store, slug)
        source = editor_form.text(store, found).source
        read = drafts.examine(store, found, source)
        mail = render_mail(store, found, read, lines=True)
        parts = _preview_parts(mail, previews.chosen_view(request.form, VIEWS), found.publication.language)
    faults = editor_form.field_faults(source, issue_file.lasting(read.faults))
    file = read.file
    fold = {
        "details": details.details_line(file.title, file.subject, file.preheader),
        "proposals": details.proposed(issue_form.parse_form(source, "")),
    }
    return jsonify(parts | fold | {"faults": faults, "length": length(file.body)})


def length(body: str) -> str:
    """The length of a text for its writer, as in `640 words, 3 min read`."""
    words = reading_time.count_words(body)
    count = formats.counted(words, "word")
    return f"{count}, {reading_time.minutes(words)} min read" if words else count


def sheet(slug: str) -> Response:
    """The page in the preview frame, with the editor's latest text: `?view=` as for every preview."""
    wanted = previews.chosen_view(request.args)
    with services().sessions.reading() as store:
        found = lookup.issue(store, slug)
        mail = _draft_mail(store, found) or previews.current_mail(found)
        html = previews.preview_document(mail.html, wanted, found.publication.language)
    # The desk's script replaces this page's content with each new text; the page itself can run no script.
    return previews.sandboxed(
        Response(html, mimetype="text/html"), with_pictures=wanted != "images-off", reached_by_desk=True
    )


def render_mail(store: Session, found: Issue, read: ParsedText, *, lines: bool = False) -> Rendered | None:
    """The mail of a text despite its faults; None if it cannot be rendered. For `lines` see `render.issue_mail`."""
    links = services().links
    try:
        branding = Branding.for_publication(found.publication, links)
        urls = {name: links.picture(file_name) for name, file_name in read.pictures.items()}
        known = pictures.sizes(store, read.pictures.values())
        sizes = {links.picture(file_name): size for file_name, size in known.items()}
        return render.issue_mail(
            read.file, branding, lambda name: urls.get(name, links.picture("missing")), sizes, lines=lines
        )
    except Invalid:
        return None


def _draft_mail(store: Session, found: Issue) -> Rendered | None:
    draft = drafts.unsaved_draft(store, found, auth.email())
    # A correction of an issue that is out says something other than what was sent.
    source = draft.source if draft else found.revision.source if issue_store.is_out(found) else None
    with suppress(Invalid):  # too large to preview: then the newest revision is shown
        return render_mail(store, found, drafts.examine(store, found, source)) if source else None
    return None


def _preview_parts(mail: Rendered | None, view: str, language: str) -> dict[str, object]:
    if mail is None:
        return {"html": None}
    envelope: dict[str, object] = {
        "subject": previews.as_sample(mail.subject),
        "preheader": previews.as_sample(mail.preheader),
    }
    if view == "text":
        return envelope | {"text": plain_text.numbered_blocks(previews.as_sample(mail.text, language)), "html": None}
    return envelope | {"html": previews.preview_document(mail.html, view, language)}
