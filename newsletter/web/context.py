"""What a request finds at hand: the house it is served from, the moment, and who asks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import structlog
from flask import Flask, current_app, g, request

from newsletter.audience import client_ip
from newsletter.db import Witness
from newsletter.wiring import Services

log = structlog.get_logger(__name__)
_KEY = "newsletter"


@dataclass(frozen=True, slots=True)
class _AtHand:
    services: Services
    clock: Callable[[], datetime]


def init_services(app: Flask, services: Services, clock: Callable[[], datetime]) -> None:
    """Let this app's requests find the house and its links, and take the time from that clock."""
    app.extensions[_KEY] = _AtHand(services, clock)
    app.jinja_env.globals["links"] = services.links
    app.jinja_env.globals["form_time"] = lambda: services.links.form_time(clock())


def services() -> Services:
    """The house that this request is served from; while somebody acts at the desk, one that takes note of it."""
    return cast("Services", g.get(_KEY) or _at_hand().services)


def unaudited() -> Services:
    """The same for what is no act of anybody's, such as the count of tries."""
    return _at_hand().services


def audit_with(witness: Witness) -> None:
    """Show this witness, from here to the end of the request, every transaction that changes anything."""
    plain = _at_hand().services
    g.setdefault(_KEY, replace(plain, sessions=plain.sessions.witnessed(witness)))


def now() -> datetime:
    """The moment of this request, in UTC."""
    return _at_hand().clock()


def client() -> str:
    """The network address that asks, as the proxies that we trust tell it."""
    return request.remote_addr or ""


def one_client() -> str:
    """What tries are counted by: the client's address, or the /64 that one customer holds."""
    return client_ip.one_client(client()) or ""


def log_capped(what: str) -> None:
    """Log that this client had enough; were it a proxy's own address, everybody would wait for everybody."""
    log.warning("client capped", what=what, client=network())


def network() -> str:
    """The part of that address which is kept, as the settings say."""
    return client_ip.consent_origin(_at_hand().services.audience, client()) or ""


def _at_hand() -> _AtHand:
    return cast("_AtHand", current_app.extensions[_KEY])
