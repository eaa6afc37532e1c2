"""Uploading a picture to an issue: what comes in is made ready for mail, kept, and given a name to call it by."""

from flask import jsonify, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from newsletter.editorial.images import pictures, processing
from newsletter.editorial.images.processing import ProcessedImage
from newsletter.editorial.models import Picture
from newsletter.errors import Invalid, PressError
from newsletter.web import error_pages
from newsletter.web.context import now, services
from newsletter.web.desk import lookup

FORM_BYTES = processing.UPLOAD_BYTES + 64 * 1024
"""The largest upload, and what a form puts around it."""

_NOTHING = "No picture came with this. Choose a file, or paste or drop one."


def upload_picture(slug: str) -> ResponseReturnValue:
    """Keep the field `picture`; JSON with the name to write, or the `fault` that says what to do instead."""
    try:
        upload = uploaded()
        developed = processing.process(upload.stream.read())
        name, picture = _keep(slug, upload.filename or "", developed)
    except PressError as error:
        return _fault(str(error), error_pages.status_of(error))
    url = url_for("archive.picture", file_name=picture.file_name)
    return jsonify(name=name, url=url, width=picture.width, height=picture.height, note=developed.note), 201


def uploaded() -> FileStorage:
    """The field `picture` of this request; Invalid, saying what to do, if there is none or it is too large."""
    try:
        upload = request.files.get("picture")
    except RequestEntityTooLarge:
        raise Invalid(processing.too_many_bytes(request.content_length or FORM_BYTES)) from None
    if upload is None or not upload.filename:
        raise Invalid(_NOTHING)
    return upload


def _keep(slug: str, file_name: str, developed: ProcessedImage) -> tuple[str, Picture]:
    with services().sessions.begin() as store:
        issue = lookup.issue(store, slug)
        picture = services().pictures.keep(store, file_name, developed.content, now())
        return pictures.attach(store, issue, file_name, picture, now()), picture


def _fault(sentence: str, status: int) -> ResponseReturnValue:
    return jsonify(fault=sentence), status
