"""Authorisation: every route states in `routes.ROUTES` the least role that may use it; one guard enforces it.

A route that changes something also has a name, under which the guard records it in the audit log.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flask import (
    Blueprint,
    Response,
    flash,
    jsonify,
    make_response,
    redirect,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, RequestEntityTooLarge

from newsletter.editors import Role
from newsletter.web import auth, security
from newsletter.web.context import services
from newsletter.web.desk import audit_hook, error_pages, typed_text

ANYONE = None
"""For everybody, signed in or not."""

_SIGNED_OUT = "Your session has ended. Sign in again in another tab, then come back and try again."

_NEEDS_FACTOR = "Your team requires two-factor authentication. Set yours up, and the desk opens again."
_OPEN_WITHOUT_FACTOR = "/account/"

NOT_AUDITED = ""
"""For requests that are no act: they store nothing, or only drafts, or record themselves."""


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the desk's table of routes: rule, method, least role and view."""

    method: str
    path: str
    least: Role | None
    view: Callable[..., ResponseReturnValue]
    act: str | None = None
    """The act's name in the audit log; by default the words of the view's name."""
    form_bytes: int = security.FORM_BYTES
    """The maximum size of its form, for people who may use the route."""
    takes_list: bool = False
    """Whether its form comes with a list to import, whose size IMPORT_MAX_MB limits."""

    @property
    def name(self) -> str:
        """The endpoint within the desk."""
        return self.view.__name__

    @property
    def noted(self) -> str:
        """The act's name in the audit log; empty for requests that only read, and for those that are no act."""
        if self.method == "GET":
            return NOT_AUDITED
        return self.name.replace("_", " ") if self.act is None else self.act


def register(blueprint: Blueprint, table: tuple[Route, ...]) -> None:
    """Add the routes to the desk, each with its least role; a route added elsewhere is closed to everybody."""
    known = {f"{blueprint.name}.{route.name}": route for route in table}
    for route in table:
        # A slash too many, typed or added by a mail program, does no harm.
        slashes = None if route.path.endswith("/") else False
        blueprint.add_url_rule(route.path, route.name, route.view, methods=[route.method], strict_slashes=slashes)

    # Before any form is parsed, which the CSRF check does.
    @blueprint.url_value_preprocessor
    def make_room(endpoint: str | None, _values: dict[str, Any] | None) -> None:
        _set_form_limit(known[endpoint or ""])

    blueprint.add_app_template_global(opened_by)

    @blueprint.before_request
    def guard() -> Response | None:
        return _guard(known[request.endpoint or ""])


# What werkzeug's parser of forms reads at once.
_PIECE = 64 * 1024


def _set_form_limit(route: Route) -> None:
    if route.least is ANYONE or not (route.takes_list or route.form_bytes > security.FORM_BYTES):
        return
    person = auth.person()
    if person is not None and person.may(route.least):
        request.max_content_length = request.max_form_memory_size = route.form_bytes
        if route.takes_list:
            # The list itself is written to a temporary file, and the rest of its form is as short as any other. But the
            # piece of it that is read counts as memory, too, together with the end of the one before.
            request.max_content_length += services().settings.import_bytes
            request.max_form_memory_size += _PIECE


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
    if _was_opened_by_another():
        return _ask_to_sign_in()
    if person.lacks_factor and not route.path.startswith(_OPEN_WITHOUT_FACTOR):
        return _ask_for_factor()
    audit_hook.start_entry(person, route.noted)
    return None


def opened_by() -> str:
    """The form value that says whom a page was made for; empty if nobody is signed in."""
    person = auth.person()
    return str(person.id) if person else ""


def _was_opened_by_another() -> bool:
    # Somebody else has signed in in this browser since: what one person wrote or decided is never taken for another's.
    if request.method == "GET":
        return False
    named = request.headers.get("X-Opened-By")
    if named is None:
        # A form that is too large is refused by its view, which can say more.
        with suppress(RequestEntityTooLarge):
            named = request.form.get("opened_by")
    return named is not None and named != opened_by()


def _ask_for_factor() -> Response:
    if error_pages.asks_for_json():
        return make_response(jsonify(fault=_NEEDS_FACTOR), 403)
    flash(_NEEDS_FACTOR)
    return make_response(redirect(url_for("desk.factor"), 303))


def _ask_to_sign_in() -> Response:
    if "HX-Request" in request.headers:
        # A fragment must not be replaced by the sign-in form, so the script is told to reload the whole page.
        return make_response("", 401, {"HX-Refresh": "true"})
    if error_pages.asks_for_json():
        return make_response(jsonify(fault=_SIGNED_OUT), 401)
    if typed := typed_text.typed():
        return typed_text.signed_out_page(typed)
    return make_response(redirect(typed_text.way_to_sign_in(), 303))
