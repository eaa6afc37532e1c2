"""A publication's mail in colours that are not saved yet."""

from dataclasses import replace

from sqlalchemy.orm import Session

from newsletter.editorial.issues import listing
from newsletter.editorial.rendering import render
from newsletter.editorial.rendering.branding import Branding
from newsletter.editorial.rendering.render import Rendered
from newsletter.editorial.source import issue_file
from newsletter.links import Links
from newsletter.publications import Publication
from newsletter.workflows import prepare_issue

_SAMPLE = """---
title: An issue of yours
subject: An issue of yours
preheader: It shows your colours until you have written one.
---
This is how a sentence with [a link]({site}) in it looks.

> [!TIP]
> Callouts have a title in your colour.

[A button]({site}){{.button}}
"""


def mail_in_colours(
    session: Session, publication: Publication, links: Links, accent: str, accent_dark: str
) -> Rendered:
    """The newest issue, or a sample if there is none, in these colours; an empty colour means the default.

    Invalid if the issue cannot be rendered.
    """
    if issue := session.scalar(listing.issues_to_show(publication.id).limit(1)):
        return prepare_issue.render_in_colours(issue, links, accent, accent_dark)
    branding = replace(Branding.for_publication(publication, links), accent=accent, accent_dark=accent_dark)
    sample = issue_file.parse(_SAMPLE.format(site=branding.site_url), "sample.md")
    return render.issue_mail(sample, branding, links.picture, {})
