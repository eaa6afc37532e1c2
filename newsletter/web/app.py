"""The WSGI application: every part of the web, put together once."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from jinja2 import StrictUndefined

from newsletter.system.bundled import folder
from newsletter.web import (
    archive,
    auth,
    clicks,
    confirming,
    desk,
    dressing,
    feeds,
    harmless,
    house,
    leaving,
    looks,
    operations,
    preferences,
    public,
    security,
    sorry,
)
from newsletter.wiring import House


def create_app(of_house: House, clock: Callable[[], datetime] | None = None) -> Flask:
    """The WSGI application of a house; `clock` tells the moment of a request."""
    app = Flask(
        __name__,
        static_folder=str(Path(__file__).parent / "assets"),
        static_url_path="/assets",
        template_folder=str(folder("templates")),
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    house.move_in(app, of_house, clock or _utc_now)
    security.init_app(app, of_house.settings)
    for part in (looks, dressing, sorry, operations, auth):
        part.init_app(app)
    for part in (public, confirming, leaving, harmless, preferences, archive, clicks, feeds, dressing, desk):
        app.register_blueprint(part.blueprint)
    return app


def _utc_now() -> datetime:
    return datetime.now(UTC)
