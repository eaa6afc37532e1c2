"""Who asks, where reverse proxies stand before us: the last PROXY_HOPS of them are believed, and nobody else."""

import re
import threading
from collections.abc import Iterable
from ipaddress import ip_address
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog

log = structlog.get_logger(__name__)

FORWARDED = "newsletter.forwarded"
"""In a request's environment: whether a proxy, or somebody who poses as one, says that it came through it."""

# Whoever writes such a header is a proxy or poses as one, whether or not it is believed.
_SAID = re.compile(
    "HTTP_(?:FORWARDED.*|VIA|X_(?:FORWARDED|REAL_IP|CLIENT_IP|CLUSTER_CLIENT_IP|ORIGINAL_FORWARDED|ENVOY_EXTERNAL).*|"
    "TRUE_CLIENT_IP|(?:CF_CONNECTING|FASTLY_CLIENT|FLY_CLIENT)_IP.*|CDN_LOOP)"
)
_PORT = r"(?::\d{1,5})?"
_ENTRY = re.compile(rf'"?(?:\[(?P<v6>[^]]+)]{_PORT}|(?P<v4>[\d.]+){_PORT}|(?P<bare>[0-9A-Fa-f:.]+))"?')
_HINT = "readers behind one proxy count as one client; set PROXY_HOPS to the number of proxies before this server"


class ProxyHeaders:
    """WSGI: REMOTE_ADDR becomes the client's address as the outermost of `hops` trusted proxies saw it.

    Each proxy adds the address that it saw to the end of X-Forwarded-For, so what a client wrote there itself stands
    further left and is never looked at. All that proxies say is removed then: our scheme and host are BASE_URL's.
    """

    def __init__(self, app: WSGIApplication, hops: int) -> None:
        self._app = app
        self._hops = hops
        self._told = threading.Lock()  # taken once and never given back

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        said = [name for name in environ if _SAID.fullmatch(name)]
        if said:
            environ[FORWARDED] = True
            self._believe(environ)
        for name in said:
            del environ[name]
        return self._app(environ, start_response)

    def _believe(self, environ: WSGIEnvironment) -> None:
        entries = split_entries(environ.get("HTTP_X_FORWARDED_FOR", ""))
        client = parse_address(entries[-self._hops]) if 0 < self._hops <= len(entries) else None
        if client is not None:
            environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = client
        elif self._told.acquire(blocking=False):
            log.warning("a proxy's word was not believed", hops=self._hops, entries=len(entries), hint=_HINT)


def split_entries(header: str) -> list[str]:
    """The entries of X-Forwarded-For, split at each comma: a quote that a client left open swallows none of them."""
    return [entry for part in header.split(",") if (entry := part.strip())]


def parse_address(entry: str) -> str | None:
    """The IP address of an entry, without port and brackets; None for any other word."""
    found = _ENTRY.fullmatch(entry)
    try:
        return str(ip_address(found[found.lastgroup or 0])) if found else None
    except ValueError:
        return None
