"""The web server: waitress around the app, until a signal."""

import signal

import structlog
from flask import Flask
from waitress import create_server
from waitress.server import TcpWSGIServer

from newsletter import ports
from newsletter.config import Settings
from newsletter.web import clicks, create_app
from newsletter.wiring import House

log = structlog.get_logger()
THREADS = 16


def serve(house: House) -> None:
    """Answer requests until TERM or INT; Refused when the port is taken."""
    app = create_app(house)
    server = open_server(app, house.settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    log.info("web server ready", url=house.settings.public_url)
    server.run()
    clicks.write_out(app)
    log.info("web server stopped")


def open_server(app: Flask, settings: Settings) -> TcpWSGIServer:
    """A server that has its port and answers once it runs; Refused when the port is taken."""
    listener = ports.listen(settings.listen, settings.port, "PORT")
    # The app itself decides whom it believes (proxies.py); waitress would strip what proxies say before it sees it.
    return create_server(app, sockets=[listener], threads=THREADS, ident=None, clear_untrusted_proxy_headers=False)


def _leave(_number: int, _frame: object) -> None:
    # waitress ends its loop on SystemExit, after the requests in flight.
    raise SystemExit(0)
