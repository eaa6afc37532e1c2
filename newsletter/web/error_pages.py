"""Error pages: a title, a sentence that says what to do, and a link."""

from contextlib import suppress
from http import HTTPStatus

import structlog
from flask import Flask, Response, current_app, jsonify, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from newsletter import publications
from newsletter.audience import subscribers
from newsletter.audience.signup_limits import TooManyRequests
from newsletter.db import AWAY, OVERTAKEN, Session
from newsletter.editorial.imported import posts
from newsletter.errors import Conflict, NotFound, PressError, Unavailable
from newsletter.i18n.messages import lazy_gettext
from newsletter.web.context import services
from newsletter.web.page_language import is_of_desk, language_without_database

log = structlog.get_logger()

_STATUS: tuple[tuple[type[PressError], int], ...] = (
    (TooManyRequests, 429),
    (NotFound, 404),
    (Conflict, 409),
    (Unavailable, 503),
)
RETRY_AFTER = {429: 3600, 503: 30}
_TITLES = {
    400: lazy_gettext("That did not work"),
    403: lazy_gettext("You do not have access to this page"),
    404: lazy_gettext("Page not found"),
    405: lazy_gettext("This page cannot be opened like that"),
    409: lazy_gettext("Something changed in the meantime"),
    413: lazy_gettext("That was too much at once"),
    429: lazy_gettext("Please wait a while"),
    503: lazy_gettext("We cannot answer just now"),
}
_WENT_WRONG = lazy_gettext("Something went wrong")
_SENTENCES = {
    404: lazy_gettext(
        "The address may be cut short or out of date. If it came in an email, open it again from there, in one piece."
    ),
    405: lazy_gettext("Go back to the page you came from and use its button."),
    413: lazy_gettext("What you sent is larger than this form accepts. Shorten it and send it again."),
}
_GO_ON = lazy_gettext("Go back and try again. If it happens twice, reply to any of our emails and tell us.")
_BROKEN = lazy_gettext(
    "The fault is ours, and it has been logged. Nothing you did is half-done; try again in a minute."
)
_DOWN = lazy_gettext("Our database is not responding. Nothing is lost; try again in a minute.")
_STRANGE = lazy_gettext(
    "We could not tell that this form came from our own page, so nothing was changed. It happens when a page was "
    "open for a long time, or when the browser blocks cookies. Open the page again and click its button once more."
)
_PLAIN_PAGE = Markup(
    '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><p>{sentence}</p>\n'
)


def init_app(app: Flask) -> None:
    """Register a page for every error."""
    app.register_error_handler(PressError, refused)
    app.register_error_handler(CSRFError, _csrf_failed)
    app.register_error_handler(HTTPException, _http)
    for away in AWAY:
        app.register_error_handler(away, _database_down)
    for overtaken in OVERTAKEN:
        app.register_error_handler(overtaken, _overtaken)
    app.register_error_handler(Exception, _unexpected)


def page(sentence: str, status: int, title: str = "", again: str = "") -> Response:
    """An error page; `again` is a URL to start again from. JSON if the client is a program.

    Where there is no page, but an imported issue had that address once, it leads to where the issue is now.
    """
    if status == HTTPStatus.NOT_FOUND and (slug := _moved_to()):
        return current_app.make_response(redirect(url_for("archive.issue", slug=slug), 301))
    if request.path.startswith("/api/"):
        answer = jsonify(error=sentence)
    else:
        answer = Response(_rendered(status, title or _TITLES.get(status, _WENT_WRONG), sentence, again))
    answer.status_code = status
    if status in RETRY_AFTER:
        answer.headers["Retry-After"] = str(RETRY_AFTER[status])
    return answer


def status_of(error: PressError) -> int:
    """The HTTP status for an error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 400)


def sentence_of(error: object) -> str:
    """An error's message as a sentence, beginning with a capital unless it begins with an address."""
    sentence = str(error)
    if sentence[:1].isupper() or "@" in sentence.partition(" ")[0]:
        # As it is: a Message, which the page can still translate, must not become plain text.
        return sentence
    return f"{sentence[:1].upper()}{sentence[1:]}"


def refused(error: PressError) -> Response:
    """The error page with the error's own sentence."""
    return page(sentence_of(error), status_of(error))


def _csrf_failed(_error: CSRFError) -> Response:
    addresses = current_app.create_url_adapter(request)
    is_a_page = addresses is not None and addresses.test(method="GET")
    return page(_STRANGE, 400, lazy_gettext("Please click the button again"), request.path if is_a_page else "")


def _http(error: HTTPException) -> AnyResponse:
    if error.code is None or error.code < 400:
        # A redirect that Werkzeug raises is an answer, not an error.
        return error.get_response()
    answer = page(_SENTENCES.get(error.code, _GO_ON), error.code)
    answer.headers.extend((name, value) for name, value in error.get_headers() if name in {"Allow", "Retry-After"})
    return answer


def _database_down(error: Exception) -> Response:
    log.warning("the database did not answer", route=_route(), error=type(getattr(error, "orig", error)).__name__)
    return page(_DOWN, 503)


def _overtaken(error: Exception) -> Response:
    log_overtaken(error)
    return page(_GO_ON, 409)


def log_overtaken(error: Exception) -> None:
    """Log that somebody else was faster, with the statement, in case it is our own fault after all."""
    log.warning("another transaction was faster", route=_route(), method=request.method, exc_info=error)


def _unexpected(error: Exception) -> Response:
    # The route and not the URL, which may contain a reader's token.
    log.error("request failed", route=_route(), method=request.method, exc_info=error)
    return page(_BROKEN, 500, lazy_gettext("Something broke on our side"))


def _route() -> str:
    return request.url_rule.rule if request.url_rule else "none"


def _moved_to() -> str | None:
    if request.method not in {"GET", "HEAD"}:
        return None
    try:
        with services().sessions.reading() as session:
            return posts.slug_at(session, request.path)
    except AWAY:
        return None


def _rendered(status: int, title: str, sentence: str, again: str) -> str:
    try:
        if is_of_desk():
            return render_template("desk/sorry_outside.html", title=title, sentence=sentence, again=again)
        return render_template("site/sorry.html", title=title, sentence=sentence, again=again, **_addressee(status))
    except Exception:
        if status < 500:
            raise
        # The fault may be in something that this page needs, too.
        log.exception("the page of a fault cannot be rendered")
        return str(_PLAIN_PAGE.format(title=title, sentence=sentence))


def _addressee(status: int) -> dict[str, object]:
    """Whose page it is: the publication, and the language of the reader whose link was opened."""
    if status < 500:
        with suppress(*AWAY), services().sessions.reading() as session:
            return _addressee_in(session)
    return {"publication": None, "language": language_without_database()}


def _addressee_in(session: Session) -> dict[str, object]:
    token = (request.view_args or {}).get("token")
    if token and (subscription_id := services().links.reader_behind(token)):
        with suppress(NotFound):
            subscription = subscribers.get(session, subscription_id)
            return {"publication": subscription.publication, "language": subscription.subscriber.language}
    return {"publication": publications.first(session)}
