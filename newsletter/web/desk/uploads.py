"""Pictures that an editor uploads, as they come with a form."""

from flask import request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from newsletter.editorial.images import processing
from newsletter.errors import Invalid

FORM_BYTES = processing.UPLOAD_BYTES + 64 * 1024
"""The largest upload, and what a form puts around it."""

_NOTHING = "No picture came with this. Choose a file, or paste or drop one."


def uploaded_picture() -> FileStorage:
    """The field `picture` of this request; Invalid, saying what to do, if there is none or it is too large."""
    try:
        upload = request.files.get("picture")
    except RequestEntityTooLarge:
        raise Invalid(processing.too_many_bytes(request.content_length or FORM_BYTES)) from None
    if upload is None or not upload.filename:
        raise Invalid(_NOTHING)
    return upload
