"""The context of a request: its services, time and client, and what its query asks to see."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

import structlog
from flask import Flask, current_app, g, request
from werkzeug.datastructures import MultiDict

from newsletter.audience import client_ip
from newsletter.characters import storable
from newsletter.clock import Clock
from newsletter.db import HIGHEST_ID, HIGHEST_LONG_ID, Witness
from newsletter.pagination import PageRequest
from newsletter.system.ports import is_loopback
from newsletter.web.proxies import FORWARDED, PLAIN_HTTP
from newsletter.wiring import Services

log = structlog.get_logger(__name__)
_KEY = "newsletter"
_KEPT = (
    *("q", "state", "status", "cause", "month", "author", "tag"),
    *("page", "before", "after"),
    *("at", "segment", "view"),
)


@dataclass(frozen=True, slots=True)
class _AtHand:
    services: Services
    clock: Clock


def init_services(app: Flask, services: Services, clock: Clock) -> None:
    """Let this app's requests use these services, and that clock."""
    app.extensions[_KEY] = _AtHand(services, clock)
    app.jinja_env.globals["kept_query"] = kept_query
    app.jinja_env.globals["links"] = services.links
    app.jinja_env.globals["form_time"] = lambda: services.links.form_time(clock())


def services() -> Services:
    """The services of this request; at the desk, changes made with them are recorded in the audit log."""
    return cast("Services", g.get(_KEY) or _at_hand().services)


def unaudited() -> Services:
    """The same without the audit log, for changes that are nobody's act, such as counting attempts."""
    return _at_hand().services


def audit_with(witness: Witness) -> None:
    """Call this witness with every transaction that changes something, until the end of the request."""
    plain = _at_hand().services
    g.setdefault(_KEY, replace(plain, sessions=plain.sessions.witnessed(witness)))


def now() -> datetime:
    """The time of this request, in UTC."""
    return _at_hand().clock()


def client() -> str:
    """The client's network address, as trusted proxies report it."""
    return request.remote_addr or ""


def is_local() -> bool:
    """Whether this request comes from this very machine, past every proxy."""
    # Behind a proxy on this machine, every client seems to be local. Most proxies add a header; one that does not still
    # passes on the Host that the client asked for, or is nginx that speaks HTTP/1.0, as it does unless told not to.
    is_forwarded = request.environ.get(FORWARDED, False) or request.environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    return is_loopback(client()) and not is_forwarded and is_loopback(_host_name(request.host))


def is_over_https() -> bool:
    """Whether this request came by https, as far as BASE_URL and the proxies that we trust tell."""
    return services().settings.public_url.startswith("https://") and not request.environ.get(PLAIN_HTTP, False)


def one_client() -> str:
    """The unit that attempts are counted by: the client's IPv4 address or IPv6 /64."""
    return client_ip.one_client(client()) or ""


def log_capped(what: str) -> None:
    """Log that a client reached a limit; if it is a proxy's own address, everybody shares that limit."""
    log.warning("client capped", what=what, client=network())


def network() -> str:
    """The part of the client's address that logs may tell (CONSENT_ORIGIN)."""
    return client_ip.logged_origin(_at_hand().services.audience, client()) or ""


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _at_hand() -> _AtHand:
    return cast("_AtHand", current_app.extensions[_KEY])


def row_id(text: str, highest: int = HIGHEST_LONG_ID) -> int:
    """An id in a URL; ValueError if it is no number, or too large for its column."""
    if not 0 <= (number := int(text)) <= highest:
        raise ValueError(text)
    return number


def asked_id(fields: MultiDict[str, str], name: str) -> int | None:
    """The id that a form or a query names, None if it names none; 0, which no row has, for what cannot be one."""
    text = fields.get(name, "")
    return parse_id(text) if text else None


def parse_id(text: str) -> int:
    """The id that a form's field holds; 0, which no row has, for what cannot be one."""
    try:
        return row_id(text, HIGHEST_ID)
    except ValueError:
        return 0


def page_request(highest: int = HIGHEST_LONG_ID) -> PageRequest:
    """The page of a list that `?before=` or `?after=` asks for; the first one if they are invalid."""

    def key(text: str) -> int:
        return row_id(text, highest)

    before = request.args.get("before", type=key)
    return PageRequest(before, None if before is not None else request.args.get("after", type=key))


def kept_query() -> dict[str, Any]:
    """What somebody has chosen by the query of this address: a search, filters, a page of a list, a view.

    Forms carry it in their action, so that the answer and the redirect after it show the page as it was.
    """
    return {name: text for name in _KEPT if (text := storable(request.args.get(name, "")))}
