"""Metrics for Prometheus: requests of this process, and counts from the database, at most 15 seconds old."""

import hmac
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import cast

from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from pydantic import SecretStr

from newsletter.audience import refusals, subscribers
from newsletter.audience.refusals import FormKind
from newsletter.clock import Clock
from newsletter.db import Session
from newsletter.delivery.bounces import webhooks
from newsletter.delivery.bounces.intake import tally
from newsletter.delivery.reports import delivery_metrics as delivery
from newsletter.delivery.reports import provider_results
from newsletter.web import context
from newsletter.wiring import Services

_KEY = "newsletter.metrics"
MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_KEPT = timedelta(seconds=15)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    """An app's metrics; no label contains anything about a reader, or a value that a client can choose."""

    def __init__(self, services: Callable[[], Services], clock: Clock) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Store(services, clock))
        self._requests = Counter(
            "newsletter_requests", "Requests answered.", ["route", "method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "newsletter_request_seconds",
            "Time to answer a request.",
            ["route", "method"],
            registry=self._registry,
            buckets=_SECONDS,
        )
        self.webhook_events = Counter(
            "newsletter_webhook_events",
            "Events of providers' webhooks, by what became of them: recorded, repeated or unknown.",
            ["provider", "outcome"],
            registry=self._registry,
        )
        self.webhooks_refused = Counter(
            "newsletter_webhooks_refused",
            "Webhooks that were turned away, and why.",
            ["provider", "why"],
            registry=self._registry,
        )

    def finish(self, answer: Response) -> Response:
        """Count a request that is answered now."""
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in _METHODS else "other"
        self._requests.labels(route, method, answer.status_code).inc()
        if "started" in g:
            self._seconds.labels(route, method).observe(time.perf_counter() - g.started)
        return answer

    def text(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self._registry)


def init_metrics(app: Flask, metrics: Metrics) -> None:
    """Let this app's requests count in these metrics."""
    app.extensions[_KEY] = metrics


def current() -> Metrics:
    """The metrics of the app that answers this request."""
    return cast("Metrics", current_app.extensions[_KEY])


def start() -> None:
    """Record when a request began."""
    g.started = time.perf_counter()


def may_be_read(token: SecretStr | None) -> bool:
    """Whether this request carries the token, or comes from this machine."""
    return _is_given(token) or context.is_local()


def _is_given(token: SecretStr | None) -> bool:
    authorization = request.authorization
    if token is None or authorization is None or authorization.type != "bearer":
        return False
    return hmac.compare_digest((authorization.token or "").encode(), token.get_secret_value().encode())


class _Store(Collector):
    """Counts from the database; counting takes a while, so a process does it at most every 15 seconds."""

    def __init__(self, services: Callable[[], Services], clock: Clock) -> None:
        self._services = services
        self._clock = clock
        self._counting = threading.Lock()
        self._copies = delivery.Copies()
        self._counted_at: datetime | None = None
        self._counts: list[Metric] = []

    def describe(self) -> Iterator[Metric]:
        # Otherwise the registry would collect when it starts, before there is a request.
        yield from ()

    def collect(self) -> Iterator[Metric]:
        with self._counting:
            now = self._clock()
            if not (self._counted_at is not None and timedelta() <= now - self._counted_at < _KEPT):
                self._counts, self._counted_at = list(self._count()), now
            counts = self._counts
        yield from counts

    def _count(self) -> Iterator[Metric]:
        with self._services().sessions.reading() as session:
            yield from self._count_outgoing(session, self._clock())
            yield from _count_incoming(session)
            yield from _count_people(session, self._clock())

    def _count_outgoing(self, session: Session, now: datetime) -> Iterator[Metric]:
        copies = self._copies.count(session).items()
        yield _gauge(
            "newsletter_copies",
            "Copies of issues and corrections under way, by letter and state.",
            ("letter", "state"),
            (((str(letter_id), state.value), count) for (letter_id, state), count in copies),
        )
        yield _gauge(
            "newsletter_copies_waiting_for_hour",
            "Pending copies that wait for the hour that their reader chose, by letter.",
            ("letter",),
            (((str(letter_id),), count) for letter_id, count in delivery.waiting_for_hour(session, now).items()),
        )
        outbox = [((), delivery.outbox_pending(session))]
        yield _gauge("newsletter_outbox_pending", "Other emails that are waiting.", (), outbox)
        recent = provider_results.of_letters(session, provider_results.recent_letters(session, now))
        yield _gauge(
            "newsletter_provider_copies",
            "Copies of the issues of the last seven days, or of the last one, by provider group and outcome.",
            ("provider", "outcome"),
            (
                ((result.group or "others", outcome), getattr(result, outcome))
                for result in provider_results.shortened(recent)
                for outcome in ("sent", "bounced", "complained")
            ),
        )


def _count_incoming(session: Session) -> Iterator[Metric]:
    incoming = CounterMetricFamily(
        "newsletter_incoming_mails", "Mails that came in, by way and by what they were.", labels=["way", "kind"]
    )
    for one in tally.tallies(session):
        incoming.add_metric([one.way, one.kind], one.mails)
    yield incoming
    yield _gauge(
        "newsletter_webhook_last_seen_timestamp_seconds",
        "When an authentic webhook of a provider last came, to the minute.",
        ("provider",),
        (((provider,), at.timestamp()) for provider, at in webhooks.last_seen(session).items()),
    )


def _count_people(session: Session, now: datetime) -> Iterator[Metric]:
    counts = subscribers.subscription_counts(session).items()
    yield _gauge(
        "newsletter_subscriptions",
        "Subscriptions.",
        ("publication", "status"),
        (((slug, status.value), count) for (slug, status), count in counts),
    )
    for name, what, form in (
        ("newsletter_signups_refused", "Sign-ups", FormKind.SIGN_UP),
        ("newsletter_links_refused", "Requests for a link", FormKind.LINK),
    ):
        refused = refusals.of_last_week(session, now, form).items()
        text = f"{what} refused within seven days, by reason."
        yield _gauge(name, text, ("reason",), (((reason.value,), count) for reason, count in refused))


def _gauge(name: str, text: str, labels: Sequence[str], rows: Iterable[tuple[Sequence[str], float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, count in rows:
        family.add_metric(values, count)
    return family
