"""The web server: waitress, until a signal."""

import gc
import logging
import signal

import structlog
from flask import Flask

from newsletter.config import Settings
from newsletter.system import ports
from newsletter.web import connections, create_app
from newsletter.web.connections import Server
from newsletter.web.public import brief_cache, clicks, page_cache
from newsletter.web.public.brief_cache import BriefCache
from newsletter.web.public.page_cache import PageCache
from newsletter.wiring import Services

log = structlog.get_logger()
THREADS = 32
"""On SQLite, where every further one that waits to write shares the transaction and its sync (`group_commit`)."""
# Each may hold two of the pool's connections, of which a server allows few.
_THREADS_POSTGRESQL = 16
# Larger than any form, so that the app can answer with an error; too small to fill a disk.
_MOST_BYTES = 64 * 1024 * 1024
_AROUND_FILE = 1024 * 1024


def serve(services: Services) -> None:
    """Answer requests until SIGTERM or SIGINT; Refused if the port is taken."""
    app = create_app(services)
    server = open_server(app, services.settings, THREADS if services.sessions.embedded else _THREADS_POSTGRESQL)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    # What has been imported stays: to look through it for garbage again and again would only take time.
    gc.freeze()
    log.info("web server ready", url=services.settings.public_url)
    server.run()
    clicks.flush_clicks(app)
    log.info("web server stopped")


def open_server(app: Flask, settings: Settings, threads: int = THREADS) -> Server:
    """A server bound to its port; Refused if the port is taken, or too few files can be opened."""
    # waitress warns of each queued request, which costs most when there is least time.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    page_cache.init_app(app, PageCache())
    brief_cache.init_app(app, BriefCache())
    return Server(
        app,
        ports.listen(settings.listen, settings.port, "PORT"),
        most=connections.affordable(),
        # A proxy holds the connections of all clients.
        one_client=None if settings.proxy_hops else connections.ONE_CLIENT,
        threads=threads,
        ident=None,
        max_request_body_size=max(_MOST_BYTES, settings.import_bytes + _AROUND_FILE),
        # The app decides which proxies to trust (proxies.py); waitress would remove their headers first.
        clear_untrusted_proxy_headers=False,
    )


def _leave(_number: int, _frame: object) -> None:
    # waitress ends its loop on SystemExit, after the requests in flight.
    raise SystemExit(0)
