"""Whole pages that are the same for everybody, kept for a moment, so that many who open one cost one rendering.

Time alone ends an entry: no process has to hear of what another one changed, and an issue, a correction or a deletion
shows within `LONGEST` seconds everywhere. Nothing shows early, because a page is kept only after it was shown.
"""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import NamedTuple, ParamSpec, cast

from flask import Flask, Response, current_app, request
from werkzeug.http import generate_etag

from newsletter.web.public.kept_value import KeptValue

KEPT = 2.0
"""Seconds after which one request renders a page again; the others get the old one meanwhile."""
LONGEST = 2 * KEPT
"""Seconds after which nobody gets the old one, should rendering take so long."""
PARAMETERS = ("publication", "page", "category", "tag", "author")
"""The only query parameters that a cached page may depend on: others, such as those that count clicks, are no part
of its key."""
MOST_PAGES = 500
MOST_BYTES = 32 * 1024 * 1024
LONGEST_KEY = 500
"""Characters. Parameters of a page that exists are much shorter."""

_MAX_AGE = 60

Key = tuple[str, ...]

_EXTENSION = "newsletter.pages"
_FORM_TIME = re.compile(rb'name="shown" value="[^"]*"')
_View = ParamSpec("_View")


class _Page(NamedTuple):
    body: bytes
    headers: list[tuple[str, str]]


class PageCache:
    """The pages shown last, bounded in number and bytes; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._pages: OrderedDict[Key, KeptValue[_Page]] = OrderedDict()
        self._bytes = 0

    def find(self, key: Key) -> Response | None:
        """A new answer with this page; None if it has to be rendered."""
        with self._lock:
            known = self._pages.get(key)
            if known is None or not known.is_good(self.clock(), KEPT, LONGEST):
                return None
            self._pages.move_to_end(key)
        return Response(known.value.body, headers=known.value.headers)

    def keep(self, key: Key, answer: Response, read_at: float) -> None:
        """Keep an answer whose rendering began then, if it may be kept at all."""
        body = answer.get_data()
        if not _is_for_everybody(answer) or sum(map(len, key)) > LONGEST_KEY or len(body) > MOST_BYTES // 10:
            self.forget(key)
            return
        with self._lock:
            known = self._pages.get(key)
            if known is None or known.read_at <= read_at:
                self._remove(key)
                self._pages[key] = KeptValue(_Page(body, list(answer.headers)), read_at)
                self._bytes += len(body)
            while len(self._pages) > MOST_PAGES or self._bytes > MOST_BYTES:
                self._remove(next(iter(self._pages)))

    def forget(self, key: Key) -> None:
        """Keep this page no longer, because there is no such page now."""
        with self._lock:
            self._remove(key)

    def _remove(self, key: Key) -> None:
        known = self._pages.pop(key, None)
        self._bytes -= len(known.value.body) if known else 0


def init_app(app: Flask, cache: PageCache) -> None:
    """Answer from this cache."""
    app.extensions[_EXTENSION] = cache


def cacheable(answer: Response, modified: datetime | None = None, lasts: timedelta | None = None) -> Response:
    """Let anybody cache this answer for a minute, or for as long as it lasts, and revalidate it by its ETag."""
    seconds = _MAX_AGE if lasts is None else max(0, min(_MAX_AGE, int(lasts.total_seconds())))
    answer.headers["Cache-Control"] = f"public, max-age={seconds}"
    if modified is not None:
        answer.last_modified = modified
    # Without the time at which its form was shown, which would make each page different.
    answer.set_etag(generate_etag(_FORM_TIME.sub(b"", answer.get_data())))
    return answer


def cached(view: Callable[_View, Response]) -> Callable[_View, Response]:
    """Answer with the page that this view rendered a moment ago, or with 304 to who has it."""

    @wraps(view)
    def answer(*args: _View.args, **kwargs: _View.kwargs) -> Response:
        cache = cast("PageCache | None", current_app.extensions.get(_EXTENSION))
        page = view(*args, **kwargs) if cache is None else _from_cache(cache, lambda: view(*args, **kwargs))
        page.make_conditional(request)
        return page

    return answer


def _from_cache(cache: PageCache, render: Callable[[], Response]) -> Response:
    key, began = _key(), cache.clock()
    found = cache.find(key)
    if found is not None:
        return found
    try:
        page = render()
    except Exception:
        cache.forget(key)
        raise
    cache.keep(key, page, began)
    return page


def _key() -> Key:
    environ, asked = request.environ, request.args
    root = (environ["wsgi.url_scheme"], environ.get("HTTP_HOST", ""), environ.get("SCRIPT_NAME", ""), request.path)
    return (*root, *(f"{name}={asked[name]}" for name in PARAMETERS if name in asked))


def _is_for_everybody(answer: Response) -> bool:
    is_public = answer.status_code == 200 and answer.cache_control.public and "ETag" in answer.headers
    return is_public and not {"Set-Cookie", "Vary"} & set(answer.headers.keys())
