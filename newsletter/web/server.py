"""The web server: waitress around the app, until a signal."""

import signal

import structlog
from waitress import create_server

from newsletter import ports
from newsletter.web import clicks, create_app
from newsletter.wiring import House

log = structlog.get_logger()
THREADS = 16


def serve(house: House) -> None:
    """Answer requests until TERM or INT; Refused when the port is taken."""
    settings = house.settings
    app = create_app(house)
    try:
        server = create_server(app, host=settings.listen, port=settings.port, threads=THREADS, ident=None)
    except OSError as error:
        raise ports.refusal(error, settings.listen, settings.port, "PORT") from None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    log.info("web server ready", url=settings.public_url)
    server.run()
    clicks.write_out(app)
    log.info("web server stopped")


def _leave(_number: int, _frame: object) -> None:
    # waitress ends its loop on SystemExit, after the requests in flight.
    raise SystemExit(0)
