"""The real server on a port of its own, and a small reverse proxy to put before it."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from newsletter.system import waitress_stop
from newsletter.web import create_app
from newsletter.web.connections import Server
from newsletter.web.server import open_server
from newsletter.wiring import Services
from tests.sample_services import NOW, Clock


@contextmanager
def served(services: Services) -> Iterator[int]:
    """The port on which `newsletter serve` would answer for this house."""
    with running(services) as server:
        yield server.effective_port


@contextmanager
def running(services: Services, **changes: object) -> Iterator[Server]:
    """The server itself, with these settings changed; its clock stands still, so no hour or day ends meanwhile."""
    app = create_app(services, Clock(NOW))
    server = open_server(app, services.settings.model_copy(update={"port": 0, **changes}))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        waitress_stop.close_server(server, server._map)
        thread.join()


def appending(header: str) -> Callable[[http.client.HTTPMessage, str], None]:
    """What most proxies do: add the address of whoever asks to the end of this header."""

    def note(headers: http.client.HTTPMessage, client: str) -> None:
        said = [*headers.get_all(header, []), client]
        del headers[header]
        headers[header] = ", ".join(said)

    return note


@contextmanager
def proxied(
    port: int, note: Callable[[http.client.HTTPMessage, str], None], client: str | None = None
) -> Iterator[int]:
    """A proxy's port: it notes who asks (or `client` as whom it sees) in the headers, and passes the rest on."""

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            note(self.headers, client or self.client_address[0])
            onward = http.client.HTTPConnection("127.0.0.1", port, timeout=110)
            onward.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                onward.putheader(name, value)
            onward.endheaders(body)
            answer = onward.getresponse()
            content = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            onward.close()

        do_GET = do_POST = _pass_on  # noqa: N815  (the names that http.server asks for)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    running = threading.Thread(target=server.serve_forever, args=[0.05])
    running.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        running.join()
        server.server_close()


def asking(services: Services, name: str) -> str:
    """The sign-up form as it comes from a page that was open for a while."""
    return f"email={name}@example.org&shown={services.links.form_time(NOW - timedelta(seconds=10))}"


def ask(
    port: int, path: str, form: str | None = None, headers: list[tuple[str, str]] | None = None
) -> tuple[int, http.client.HTTPMessage, str]:
    """Status, headers and text of an answer; a `form` is posted as our own page would. A header may come twice."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=110)
    names = {name for name, _ in headers or []}
    connection.putrequest("GET" if form is None else "POST", path, skip_host="Host" in names)
    own = [("Sec-Fetch-Site", "same-origin"), ("Content-Type", "application/x-www-form-urlencoded")]
    for name, value in [*own, ("Content-Length", str(len(form or ""))), *(headers or [])]:
        connection.putheader(name, value)
    connection.endheaders((form or "").encode())
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text
