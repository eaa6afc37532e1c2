"""Who may do what: every route of the desk names the least role that it is open to, and one guard holds them to it.

What is more than a look also has a name, under which the same guard has it noted in the audit log.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden

from newsletter.editors import Role
from newsletter.web import auth, security
from newsletter.web.desk import audit_hook, error_pages

# The fields in which people write, as they are called beside what they wrote.
_WRITTEN = ("title", "subject", "preheader", "note", "source", "body", "words", "comment", "description")

ANYONE = None
"""Open to whoever is not signed in."""

_SIGNED_OUT = "Your session has ended. Sign in again in another tab, then come back and try again."

_NEEDS_FACTOR = "Your team requires two-factor authentication. Set yours up, and the desk opens again."
_OPEN_WITHOUT_FACTOR = "/account/"

NOT_AUDITED = ""
"""For what is no act: it keeps nothing, or only what is typed meanwhile; or it takes its own notes."""


@dataclass(frozen=True, slots=True)
class Route:
    """A line of the desk's table: what is asked for, the least role for it, and who answers."""

    method: str
    path: str
    least: Role | None
    view: Callable[..., ResponseReturnValue]
    act: str | None = None
    """What the audit log says that somebody did; by default in the words of the view's own name."""
    form_bytes: int = security.FORM_BYTES
    """The most that its form may carry, from somebody whom it is open to."""

    @property
    def name(self) -> str:
        """The endpoint within the desk."""
        return self.view.__name__

    @property
    def noted(self) -> str:
        """The act's name in the audit log; empty for a look, and for what is no act."""
        if self.method == "GET":
            return NOT_AUDITED
        return self.name.replace("_", " ") if self.act is None else self.act


def register(blueprint: Blueprint, table: tuple[Route, ...]) -> None:
    """Add the routes to the desk, each behind its role; a route from elsewhere is closed to everyone."""
    known = {f"{blueprint.name}.{route.name}": route for route in table}
    for route in table:
        blueprint.add_url_rule(route.path, route.name, route.view, methods=[route.method])

    # Before any form is read, which the check of where it comes from does.
    @blueprint.url_value_preprocessor
    def make_room(endpoint: str | None, _values: dict[str, Any] | None) -> None:
        _make_room(known[endpoint or ""])

    @blueprint.before_request
    def guard() -> Response | None:
        return _guard(known[request.endpoint or ""])


def _make_room(route: Route) -> None:
    if route.form_bytes <= security.FORM_BYTES or route.least is ANYONE:
        return
    person = auth.person()
    if person is not None and person.may(route.least):
        request.max_content_length = route.form_bytes
        request.max_form_memory_size = route.form_bytes


def _guard(route: Route) -> Response | None:
    if route.least is ANYONE:
        return None
    person = auth.person()
    if person is None:
        return _ask_to_sign_in()
    if not person.may(route.least):
        raise Forbidden(
            f"This needs the role “{route.least}”, and yours is “{person.role}”. Ask an owner to change it."
        )
    if person.lacks_factor and not route.path.startswith(_OPEN_WITHOUT_FACTOR):
        return _ask_for_factor()
    audit_hook.start_entry(person, route.noted)
    return None


def _ask_for_factor() -> Response:
    if error_pages.asks_for_json():
        return make_response(jsonify(fault=_NEEDS_FACTOR), 403)
    flash(_NEEDS_FACTOR)
    return make_response(redirect(url_for("desk.factor"), 303))


def _ask_to_sign_in() -> Response:
    if "HX-Request" in request.headers:
        # A part of a page must not turn into the sign-in form: let the whole page ask again.
        return make_response("", 401, {"HX-Refresh": "true"})
    if error_pages.asks_for_json():
        return make_response(jsonify(fault=_SIGNED_OUT), 401)
    way_back = url_for("desk.sign_in_form", next=_page_asked_for())
    if typed := _typed():
        return make_response(render_template("desk/signed_out.html", typed=typed, sign_in=way_back), 401)
    return make_response(redirect(way_back, 303))


def _typed() -> dict[str, str]:
    """What somebody wrote into the form, which no redirect would keep."""
    kept = {name: request.form[name].replace("\r\n", "\n").strip() for name in _WRITTEN if name in request.form}
    return {name: text for name, text in kept.items() if text}


def _page_asked_for() -> str | None:
    if request.method == "GET":
        return request.full_path.rstrip("?")
    # A form that came too late leads back to the page that it stands on, where it stands on one of its own.
    adapter = current_app.create_url_adapter(request)
    endpoint, _ = adapter.match(request.path, "GET") if adapter else ("", {})
    return None if endpoint.endswith(".no_such_page") else request.path
