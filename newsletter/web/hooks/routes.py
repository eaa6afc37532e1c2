"""`POST /hooks/<provider>`: verified, read, recorded and committed, and only then answered with 200."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

import structlog
from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from newsletter.bounce_settings import listed
from newsletter.db import AWAY, Session
from newsletter.delivery.bounces import events, webhooks
from newsletter.delivery.bounces.notifications.json_fields import MOST_BYTES, Unreadable
from newsletter.delivery.bounces.record import Origin
from newsletter.errors import PressError
from newsletter.web import metrics
from newsletter.web.context import is_local, is_over_https, now, services
from newsletter.web.hooks import brevo, mailgun, postmark, resend, sendgrid, ses
from newsletter.web.hooks.webhook import Event, Post, PostEvents, Provider, Rejected, Why
from newsletter.web.security import without_token
from newsletter.wiring import Services
from newsletter.workflows import record_bounce

log = structlog.get_logger(__name__)
blueprint = Blueprint("hooks", __name__)

_KEY = "newsletter.hooks"
_AT_ONCE = 20
"""Events in one transaction: a batch holds the writer no longer than any page does."""
_TELL_EVERY = timedelta(minutes=1)
_RETRY_AFTER = "300"
# Nothing that could be an address.
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_. -]*")

_STATUSES: Mapping[Why, int] = {
    Why.NOT_CONFIGURED: 503,
    Why.INSECURE: 403,
    Why.TOO_LARGE: 413,
    Why.UNAUTHENTICATED: 401,
    Why.STALE: 403,
    Why.FOREIGN_TOPIC: 403,
    Why.UNREADABLE: 400,
    Why.NOT_NOW: 503,
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A provider as this route knows it."""

    setting: str
    make: Callable[[Services, Sequence[str]], Provider]
    statuses: Mapping[Why, int] = field(default_factory=dict)
    """Where its rules for trying again ask for another status than most (docs/bounces.md)."""


_PROVIDERS: Mapping[str, _Entry] = {
    ses.NAME: _Entry(
        "bounce_ses_topics",
        lambda services, topics: ses.AmazonSes(topics, replace(services.guarded_client, most_redirects=0).fetch),
    ),
    postmark.NAME: _Entry(
        "bounce_postmark_secret", lambda _, secrets: postmark.Postmark(secrets), {Why.UNREADABLE: 403}
    ),
    sendgrid.NAME: _Entry("bounce_sendgrid_key", lambda _, keys: sendgrid.SendGrid(keys)),
    mailgun.NAME: _Entry(
        "bounce_mailgun_key", lambda _, keys: mailgun.Mailgun(keys), {Why.UNREADABLE: 406, Why.STALE: 406}
    ),
    # After any 5xx, or any 4xx but 429, the event is never sent again.
    brevo.NAME: _Entry(
        "bounce_brevo_secret",
        lambda _, secrets: brevo.Brevo(secrets),
        {Why.NOT_CONFIGURED: 429, Why.NOT_NOW: 429},
    ),
    # 410 ends the webhook itself, so only a signed post that holds no event gets it.
    resend.NAME: _Entry("bounce_resend_secret", lambda _, secrets: resend.Resend(secrets), {Why.UNREADABLE: 410}),
}


@dataclass
class _State:
    """What this process remembers of webhooks."""

    providers: Mapping[str, Provider]
    seen: dict[str, datetime] = field(default_factory=dict)
    last_logged: dict[tuple[str, Why], datetime] = field(default_factory=dict)


def init_app(app: Flask, at_hand: Services) -> None:
    """Open the webhooks of every provider that a secret is set for."""
    made = {}
    for name, entry in _PROVIDERS.items():
        if secrets := listed(getattr(at_hand.settings, entry.setting)):
            made[name] = entry.make(at_hand, secrets)
    app.extensions[_KEY] = _State(made)
    app.register_blueprint(blueprint)


# The provider has neither our cookie nor our form; its signature or secret is the proof.
@blueprint.post("/hooks/<name>", strict_slashes=False)
@blueprint.post("/hooks/<name>/<path:secret>")
@without_token
def receive(name: str, secret: str = "") -> Response:
    """Take a provider's post; 200 once all of it is recorded, or was before."""
    if name not in _PROVIDERS:
        return _answer(404, "There is no such webhook.")
    try:
        _record(name, _read(name, secret.removesuffix("/")))
    except Rejected as refusal:
        return _refuse(name, refusal)
    except Unreadable as fault:
        return _refuse(name, Rejected(Why.UNREADABLE, str(fault)))
    except (*AWAY, PressError):
        return _refuse(name, Rejected(Why.NOT_NOW, "The database does not answer. Try again later."))
    except Exception:
        log.exception("webhook failed", provider=name)
        return _refuse(name, Rejected(Why.NOT_NOW, "The fault is ours, and it has been logged. Try again later."))
    return _answer(200, "ok")


def _read(name: str, secret: str) -> PostEvents:
    provider = _state().providers.get(name)
    if provider is None:
        setting = _PROVIDERS[name].setting.upper()
        raise Rejected(Why.NOT_CONFIGURED, f"This webhook is closed until {setting} is set.")
    if not (is_over_https() or is_local()):
        raise Rejected(Why.INSECURE, "Webhooks are taken over https only; BASE_URL tells by what address.")
    return provider.read(Post({key.lower(): value for key, value in request.headers}, _body(), now(), secret))


def _body() -> bytes:
    request.max_content_length = MOST_BYTES
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise Rejected(Why.TOO_LARGE, f"The body is larger than {MOST_BYTES} bytes.") from None


def _record(name: str, post: PostEvents) -> None:
    """Store all events, some at a time, and act on them."""
    moment = now()
    # A token counts once, so all that it proves is kept together or not at all.
    chunks = [post.events] if post.token else list(_chunks(post.events)) or [()]
    unknown: set[str] = set()
    for chunk in chunks:
        if not (chunk or post.token or _is_news(name, moment)):
            return
        with services().sessions.begin() as session:
            is_new = not post.token or webhooks.use_token(session, post.token, moment)
            # A provider that waits too briefly sends a batch again, and to try to store each takes as long as before.
            known = events.known_sources(session, [event.event_id for event in chunk])
            were_new = [
                is_new and event.event_id not in known and _keep(session, name, event, moment) for event in chunk
            ]
            webhooks.note_seen(session, name, moment)
        _state().seen[name] = moment
        unknown |= _count(name, chunk, were_new)
    for kind in sorted(unknown):
        log.warning("webhook event of an unknown kind", provider=name, kind=kind, hint="kept, and not acted on")


def _keep(session: Session, name: str, event: Event, moment: datetime) -> bool:
    origin = Origin(event.event_id, name, event.at, event.raw, is_authentic=True)
    return bool(record_bounce.record_report(session, services().bounces, event.report, origin, moment))


def _chunks(found: Sequence[Event]) -> Iterator[Sequence[Event]]:
    return (found[start : start + _AT_ONCE] for start in range(0, len(found), _AT_ONCE))


def _is_news(name: str, moment: datetime) -> bool:
    """Whether this provider has not sent anything for a while, so that a post without events is worth a write."""
    seen = _state().seen.get(name)
    return seen is None or moment - seen >= webhooks.EXACT_TO


def _count(name: str, found: Sequence[Event], were_new: Sequence[bool]) -> set[str]:
    """Count events by their outcome; the kinds among them that we do not know, as they may be logged."""
    counted, unknown = metrics.current().webhook_events, set()
    for event, is_new in zip(found, were_new, strict=True):
        outcome = "repeated" if not is_new else "unknown" if event.unknown else "recorded"
        counted.labels(name, outcome).inc()
        if outcome == "unknown":
            unknown.add(event.unknown[:40] if _WORD.fullmatch(event.unknown[:40]) else "-")
    return unknown


def _refuse(name: str, refusal: Rejected) -> Response:
    metrics.current().webhooks_refused.labels(name, refusal.why.value).inc()
    last_logged, moment = _state().last_logged, now()
    # Once in a while, so that a flood of requests does not flood the log.
    if moment - last_logged.get((name, refusal.why), datetime.min.replace(tzinfo=moment.tzinfo)) >= _TELL_EVERY:
        last_logged[name, refusal.why] = moment
        log.warning("webhook refused", provider=name, why=refusal.why.value, reason=str(refusal))
    status = _PROVIDERS[name].statuses.get(refusal.why) or _STATUSES[refusal.why]
    return _answer(status, str(refusal))


def _answer(status: int, sentence: str) -> Response:
    answer = Response(f"{sentence}\n", status, mimetype="text/plain")
    answer.headers["Cache-Control"] = "no-store"
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Basic realm="webhooks"'
    if status in {429, 503}:
        answer.headers["Retry-After"] = _RETRY_AFTER
    return answer


def _state() -> _State:
    return cast("_State", current_app.extensions[_KEY])
