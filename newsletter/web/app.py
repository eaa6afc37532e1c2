"""The WSGI application."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from flask.typing import ResponseReturnValue
from jinja2 import StrictUndefined
from werkzeug.routing import IntegerConverter, Map

from newsletter.clock import Clock, now
from newsletter.db import HIGHEST_ID, HIGHEST_LONG_ID
from newsletter.system.bundled import folder
from newsletter.web import auth, context, desk, error_pages, health, hooks, page_language, security, template_helpers
from newsletter.web.public import (
    address,
    archive,
    ask,
    branding,
    clicks,
    comments,
    confirm,
    draft,
    feeds,
    helped,
    preferences,
    private_pages,
    refusal_tally,
    reply_mail,
    signup,
    test_links,
    unsubscribe,
)
from newsletter.wiring import Services


class _App(Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: no view here is a coroutine, and checking each of them would slow down every request."""
        return func

    def handle_user_exception(self, e: Exception) -> ResponseReturnValue:
        """The answer to an error; to one of its handler's, such as while a form is shown again, as to one of a view."""
        try:
            return super().handle_user_exception(e)
        except Exception as another:
            return super().handle_user_exception(another)


class _Id(IntegerConverter):
    """`<id:…>` in a route: a number that can be the id of a row; any other is no such page."""

    highest = HIGHEST_ID

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=self.highest)


class _LongId(_Id):
    """`<long_id:…>`: the same for a table of very many rows."""

    highest = HIGHEST_LONG_ID


CONVERTERS = {"id": _Id, "long_id": _LongId}
"""What the parts of a route in `<…>` may be called, beside Werkzeug's own."""


def create_app(services: Services, clock: Clock = now) -> Flask:
    """Make the WSGI application; `clock` gives the time of a request."""
    app = _App(
        __name__,
        static_folder=str(Path(__file__).parent / "assets"),
        static_url_path="/assets",
        template_folder=str(folder("templates")),
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    app.url_map.converters |= CONVERTERS
    context.init_services(app, services, clock)
    refusal_tally.init_tally(app, services.sessions, clock)
    security.init_app(app, services.settings)
    for part in (page_language, template_helpers, branding, error_pages, health, auth, private_pages):
        part.init_app(app)
    for part in (signup, confirm, unsubscribe, test_links, preferences, address, clicks, helped, ask, branding, desk):
        app.register_blueprint(part.blueprint)
    for part in (archive, draft, feeds, comments):
        app.register_blueprint(part.blueprint)
    app.register_blueprint(comments.signed)
    app.register_blueprint(reply_mail.blueprint)
    hooks.init_app(app, services)
    return app
