"""Uploading a picture to an issue: what comes in is made ready for mail, kept, and given a name to call it by."""

from flask import jsonify, url_for
from flask.typing import ResponseReturnValue

from newsletter.editorial.images import pictures, processing
from newsletter.editorial.images.processing import ProcessedImage
from newsletter.editorial.models import Picture
from newsletter.errors import PressError
from newsletter.web import error_pages
from newsletter.web.context import now, services
from newsletter.web.desk import lookup, uploads


def upload_picture(slug: str) -> ResponseReturnValue:
    """Keep the field `picture`; JSON with the name to write, or the `fault` that says what to do instead."""
    try:
        upload = uploads.uploaded_picture()
        developed = processing.process(upload.stream.read())
        name, picture = _keep(slug, upload.filename or "", developed)
    except PressError as error:
        return jsonify(fault=str(error)), error_pages.status_of(error)
    url = url_for("archive.picture", file_name=picture.file_name)
    return jsonify(name=name, url=url, width=picture.width, height=picture.height, note=developed.note), 201


def _keep(slug: str, file_name: str, developed: ProcessedImage) -> tuple[str, Picture]:
    with services().sessions.begin() as store:
        issue = lookup.issue(store, slug)
        picture = services().pictures.keep(store, file_name, developed.content, now())
        return pictures.attach(store, issue, file_name, picture), picture
