"""Sign-up forms for other places: a form and a frame to copy, and the publication's own page with its QR code."""

from io import BytesIO

import segno
from flask import Response, render_template, request

from newsletter.publications import Publication
from newsletter.web.context import services
from newsletter.web.desk import frame
from newsletter.web.forms import as_source

_TYPES = {"svg": "image/svg+xml", "png": "image/png"}


def sign_up_forms() -> str:
    """What to copy into another site, and the page to share; each says where it is, if a place was typed."""
    links, source = services().links, _source()
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        url = links.hosted_form(publication.slug, source)
        return frame.page(
            store,
            "sign_up_forms.html",
            "settings",
            publication,
            source=source,
            url=url,
            picture=segno.make(url, error="m", micro=False).svg_data_uri(scale=5, border=4, light="#fff"),
            form=_snippet("form", publication, url=links.hosted_form(publication.slug), source=source),
            iframe=_snippet("frame", publication, url=links.embedded_form(publication.slug, source)),
        )


def qr_code(ending: str) -> Response:
    """The QR code of the publication's sign-up page as a file to print."""
    with services().sessions.reading() as store:
        slug = frame.current_publication(store).slug
    drawing = BytesIO()
    code = segno.make(services().links.hosted_form(slug, _source()), error="m", micro=False)
    code.save(drawing, kind=ending, scale=20, border=4, light="#fff")
    headers = {"Content-Disposition": f'attachment; filename="{slug}-sign-up.{ending}"'}
    return Response(drawing.getvalue(), mimetype=_TYPES[ending], headers=headers)


def _source() -> str:
    return as_source(request.args.get("source", ""))


def _snippet(name: str, publication: Publication, **values: str) -> str:
    return render_template(f"shared/embed_{name}.html", publication=publication, **values).strip()
