"""Who may do what: every route of the desk names the least role that it is open to, and one guard holds them to it."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, current_app, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden

from newsletter.editors import Role
from newsletter.web import auth

ANYONE = None
"""Open to whoever is not signed in."""


@dataclass(frozen=True, slots=True)
class Route:
    """A line of the desk's table: what is asked for, the least role for it, and who answers."""

    method: str
    path: str
    least: Role | None
    view: Callable[..., ResponseReturnValue]

    @property
    def name(self) -> str:
        """The endpoint within the desk."""
        return self.view.__name__


def register(blueprint: Blueprint, table: tuple[Route, ...]) -> None:
    """Add the routes to the desk, each behind its role; a route from elsewhere is closed to everyone."""
    least = {f"{blueprint.name}.{route.name}": route.least for route in table}
    for route in table:
        blueprint.add_url_rule(route.path, route.name, route.view, methods=[route.method])

    @blueprint.before_request
    def guard() -> Response | None:
        return _guard(least[request.endpoint or ""])


def _guard(least: Role | None) -> Response | None:
    if least is ANYONE:
        return None
    person = auth.person()
    if person is None:
        return _ask_to_sign_in()
    if not person.may(least):
        raise Forbidden(f"This needs the role “{least}”, and yours is “{person.role}”. Ask an owner to change it.")
    return None


def _ask_to_sign_in() -> Response:
    if "HX-Request" in request.headers:
        # A part of a page must not turn into the sign-in form: let the whole page ask again.
        return make_response("", 401, {"HX-Refresh": "true"})
    return make_response(redirect(url_for("desk.sign_in_form", next=_page_asked_for()), 303))


def _page_asked_for() -> str | None:
    if request.method == "GET":
        return request.full_path.rstrip("?")
    # A form that came too late leads back to the page that it stands on, where it stands on one of its own.
    adapter = current_app.create_url_adapter(request)
    endpoint, _ = adapter.match(request.path, "GET") if adapter else ("", {})
    return None if endpoint.endswith(".no_such_page") else request.path
