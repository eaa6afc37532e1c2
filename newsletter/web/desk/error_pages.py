"""Error pages of the desk, within its frame."""

from flask import Blueprint, Response, jsonify, make_response, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import Forbidden, NotFound

from newsletter.db import OVERTAKEN
from newsletter.errors import PressError
from newsletter.web import auth, error_pages
from newsletter.web.context import services
from newsletter.web.desk import frame, typed_text, words

_TITLES = {
    400: "That did not work",
    403: "Your role does not allow this",
    404: "Page not found",
    409: "Nothing was done",
}
_NO_PAGE = "There is nothing at this address. Use the navigation to find what you need."
_OVERTAKEN = "Somebody else has just changed or deleted this. Nothing was done; look at it again."
_STRANGE = "This form did not come from a page of the desk, or the page was open for too long. Nothing was changed."


def init_blueprint(blueprint: Blueprint) -> None:
    """Register the desk's error pages."""
    blueprint.register_error_handler(PressError, _refused)
    for overtaken in OVERTAKEN:
        blueprint.register_error_handler(overtaken, _overtaken)
    for kind, sentence in ((Forbidden, None), (NotFound, _NO_PAGE), (CSRFError, _STRANGE)):
        blueprint.register_error_handler(
            kind, lambda error, sentence=sentence: _page(sentence or error.description or "", error.code or 400)
        )


def no_such_page(_anything: str) -> str:
    """Answer any unknown URL under the desk with 404."""
    raise NotFound


def _refused(error: PressError) -> Response:
    return _page(error_pages.sentence_of(error), error_pages.status_of(error))


def _overtaken(error: Exception) -> Response:
    error_pages.log_overtaken(error)
    return _page(_OVERTAKEN, 409)


def asks_for_json() -> bool:
    """Whether a script of the desk asks, which shows the answer's `fault` on its page."""
    return request.accept_mimetypes.best == "application/json"


def _page(reason: str, status: int) -> Response:
    sentence = words.as_sentence(reason)
    if asks_for_json():
        return make_response(jsonify(fault=sentence), status)
    title = _TITLES.get(status, "That did not work")
    if auth.person() is None:
        return error_pages.page(sentence, status, title)
    slug = (request.view_args or {}).get("slug") if status != 404 else None
    section = "issues" if slug else ""
    # Another site's form could put words of its own there.
    typed = {} if reason == _STRANGE else typed_text.typed()
    with services().sessions.reading() as store:
        html = frame.page(store, "sorry.html", section, title=title, sentence=sentence, slug=slug, typed=typed)
    return Response(html, status)
