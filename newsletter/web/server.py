"""The web server: waitress around the app, until a signal."""

import signal

import structlog
from waitress import create_server

from newsletter import ports
from newsletter.web import create_app
from newsletter.wiring import House

log = structlog.get_logger()
THREADS = 16


def serve(house: House) -> None:
    """Answer requests until TERM or INT; Refused when the port is taken."""
    settings = house.settings
    try:
        server = create_server(create_app(house), host=settings.listen, port=settings.port, threads=THREADS, ident=None)
    except OSError as error:
        raise ports.refusal(error, settings.listen, settings.port, "PORT") from None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    log.info("web server ready", url=settings.public_url)
    server.run()
    log.info("web server stopped")


def _leave(_number: int, _frame: object) -> None:
    # waitress ends its loop on SystemExit, after the requests in flight.
    raise SystemExit(0)
