"""Template helpers: asset URLs, and dates and numbers in the language of the page."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path

from flask import Flask, Response, request, url_for

from newsletter.i18n import formats
from newsletter.publications import Publication
from newsletter.web.page_language import page_language

_FOREVER = "public, max-age=31536000, immutable"
_A_DAY = "public, max-age=86400"


def init_app(app: Flask) -> None:
    """Register the filters and functions, and let browsers cache assets."""
    app.jinja_env.globals.update(asset=asset)
    app.jinja_env.filters.update(
        day=_in_page_language(formats.day),
        plain_day=_in_page_language(formats.plain_day),
        moment=_in_page_language(formats.moment),
        full_hour=_in_page_language(formats.full_hour),
        number=formats.number,
        often=lambda publication: frequency(publication, page_language()),
        stamp=stamp,
        from_stamp=datetime.fromisoformat,
    )
    app.jinja_env.globals.update(counted=formats.counted, plural=formats.plural)
    app.after_request(_keep_assets)


@cache
def asset(file_name: str) -> str:
    """The URL of an asset, which contains a hash of its content, so that browsers may cache it for ever."""
    return url_for("static", filename=file_name, v=_digest(Path(__file__).parent / "assets" / file_name))


def stamp(moment: datetime) -> str:
    """A moment for a `datetime` attribute, which HTML limits to milliseconds."""
    return moment.isoformat(timespec="seconds")


def frequency(publication: Publication, language: str) -> str:
    """How often the newsletter comes: `every Tuesday and Friday`, or `now and then` without slots."""
    return formats.every([slot.weekday for slot in publication.slots], language)


def _in_page_language(write: Callable[..., str]) -> Callable[..., str]:
    return lambda *values: write(*values, page_language())


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _keep_assets(answer: Response) -> Response:
    if request.endpoint == "static" and answer.status_code in {200, 304}:
        answer.headers["Cache-Control"] = _FOREVER if "v" in request.args else _A_DAY
    return answer
