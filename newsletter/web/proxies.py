"""Client addresses behind reverse proxies: the last PROXY_HOPS proxies are trusted, and no others."""

import re
import threading
from collections.abc import Iterable
from ipaddress import ip_address
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog

log = structlog.get_logger(__name__)

FORWARDED = "newsletter.forwarded"
"""In the WSGI environment: whether the request carries a proxy's header, real or forged."""
PLAIN_HTTP = "newsletter.plain_http"
"""In the WSGI environment: whether the outermost trusted proxy says that it was asked without TLS."""

# Headers that only proxies add, whether or not they are trusted; each name on a line of its own. Many name theirs
# after the client's address: X-Real-IP, CF-Connecting-IPv6, X-Azure-ClientIP, CloudFront-Viewer-Address. `.` and not
# `\w`, so that what follows a word always matches: no name, however long, is searched more than once for each word.
_PROXY_HEADERS = re.compile(
    r"^HTTP_(?:.*FORWARDED.*|VIA|CDN_LOOP|X_VARNISH|(?:X_)?FRONT_END_.*|(?:X_)?(?:ORIGINAL|REWRITE|ENVOY|ARR|AMZN)_.*"
    r"|X_(?:HOST|(?:URL_)?SCHEME)|CF_.*|(?:.*_)?(?:CLIENT|SOCKET|USER)?IP(?:V[46]|ADDR)?(?:_.*)?"
    r"|(?:.*_)?(?:EXTERNAL|VIEWER|REMOTE)_ADDR(?:ESS)?)$",
    re.MULTILINE,
)
_PORT = r"(?::\d{1,5})?"
_ENTRY = re.compile(rf'"?(?:\[(?P<v6>[^]]+)]{_PORT}|(?P<v4>[\d.]+){_PORT}|(?P<bare>[0-9A-Fa-f:.]+))"?')
_HINT = "readers behind one proxy count as one client; set PROXY_HOPS to the number of proxies before this server"


class ProxyHeaders:
    """WSGI middleware that sets REMOTE_ADDR to the client's address as the outermost of `hops` trusted proxies saw it.

    Each proxy appends the address it saw to X-Forwarded-For, so what the client wrote itself is further left, and
    ignored. Proxy headers are then removed, because our scheme and host come from BASE_URL.
    """

    def __init__(self, app: WSGIApplication, hops: int) -> None:
        self._app = app
        self._hops = hops
        self._warned = threading.Lock()  # acquired once and never released

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        proxy_headers = _PROXY_HEADERS.findall("\n".join(environ))
        if proxy_headers:
            environ[FORWARDED] = True
            self._set_client_address(environ)
        for name in proxy_headers:
            del environ[name]
        return self._app(environ, start_response)

    def _set_client_address(self, environ: WSGIEnvironment) -> None:
        entries = _split_entries(environ.get("HTTP_X_FORWARDED_FOR", ""))
        client = parse_address(entries[-self._hops]) if 0 < self._hops <= len(entries) else None
        if client is not None:
            environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = client
            protocols = _split_entries(environ.get("HTTP_X_FORWARDED_PROTO", ""))
            environ[PLAIN_HTTP] = len(protocols) >= self._hops and protocols[-self._hops].lower() == "http"
        elif self._warned.acquire(blocking=False):
            log.warning("a proxy's word was not believed", hops=self._hops, entries=len(entries), hint=_HINT)


def _split_entries(header: str) -> list[str]:
    """The entries of X-Forwarded-For, split at every comma: an unclosed quote by the client hides none of them."""
    return [entry for part in header.split(",") if (entry := part.strip())]


def parse_address(entry: str) -> str | None:
    """The IP address of an entry, without port and brackets; None for anything else."""
    found = _ENTRY.fullmatch(entry)
    try:
        return str(ip_address(found[found.lastgroup or 0])) if found else None
    except ValueError:
        return None
