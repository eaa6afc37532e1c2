"""The web server: waitress around the app, until a signal."""

import logging
import signal

import structlog
from flask import Flask

from newsletter.config import Settings
from newsletter.system import ports
from newsletter.web import connections, create_app
from newsletter.web.connections import Server
from newsletter.web.public import clicks
from newsletter.wiring import Services

log = structlog.get_logger()
THREADS = 16
# More than any form takes, so that the app can say what was too much; and less than would fill a disk.
_MOST_BYTES = 64 * 1024 * 1024


def serve(services: Services) -> None:
    """Answer requests until TERM or INT; Refused when the port is taken."""
    app = create_app(services)
    server = open_server(app, services.settings)
    # waitress warns of each request that has to wait, which is when there is least time for it.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    log.info("web server ready", url=services.settings.public_url)
    server.run()
    clicks.flush_clicks(app)
    log.info("web server stopped")


def open_server(app: Flask, settings: Settings) -> Server:
    """A server that has its port and answers once it runs; Refused when the port is taken, or files are too few."""
    return Server(
        app,
        ports.listen(settings.listen, settings.port, "PORT"),
        most=connections.affordable(),
        # A proxy holds the connections of everybody.
        one_client=None if settings.proxy_hops else connections.ONE_CLIENT,
        threads=THREADS,
        ident=None,
        max_request_body_size=_MOST_BYTES,
        # The app decides whom it believes (proxies.py); waitress would strip what proxies say before it sees it.
        clear_untrusted_proxy_headers=False,
    )


def _leave(_number: int, _frame: object) -> None:
    # waitress ends its loop on SystemExit, after the requests in flight.
    raise SystemExit(0)
