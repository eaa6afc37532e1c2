"""Health and metrics endpoints for operators: `/healthz`, `/readyz` and `/metrics`."""

from pathlib import Path

from flask import Blueprint, Flask, Response, jsonify

from newsletter import schema
from newsletter.db import AWAY, Session
from newsletter.delivery.reports import delivery_metrics
from newsletter.delivery.workers import heartbeat, send_permission
from newsletter.errors import Conflict
from newsletter.system import data_folder
from newsletter.web import metrics
from newsletter.web.context import now, services

_OK = "ok"
_DOWN = "does not answer; see DATABASE_URL"
_UNKNOWN = "not known without the database"
_CLOSED = "Only this machine may read the metrics, or whoever sends METRICS_TOKEN as `Authorization: Bearer …`.\n"


def init_app(app: Flask) -> None:
    """Add the routes, and count requests from here on."""
    pages = Blueprint("operations", __name__)
    counted = metrics.Metrics(services, now)
    metrics.init_metrics(app, counted)
    pages.add_url_rule("/healthz", "healthz", healthz)
    pages.add_url_rule("/readyz", "readyz", readyz)
    pages.add_url_rule("/metrics", "metrics", lambda: numbers(counted))
    app.before_request(metrics.start)
    app.after_request(counted.finish)
    app.register_blueprint(pages)


def healthz() -> Response:
    """200 if the process answers; checks nothing else."""
    return _uncached(Response(f"{_OK}\n", mimetype="text/plain"))


def readyz() -> Response:
    """Database, disk, worker, clock and sending: `ok`, or a sentence that says what to do; 503 unless all are well."""
    checks = _checks()
    is_ready = set(checks.values()) == {_OK}
    answer = jsonify(ready=is_ready, **checks)
    answer.status_code = 200 if is_ready else 503
    return _uncached(answer)


def numbers(counted: metrics.Metrics) -> Response:
    """The metrics for Prometheus; 403 unless the request comes from this machine or carries METRICS_TOKEN."""
    if not metrics.may_be_read(services().settings.metrics_token):
        return _uncached(Response(_CLOSED, 403, mimetype="text/plain"))
    return _uncached(Response(counted.text(), content_type=metrics.MEDIA_TYPE))


def _checks() -> dict[str, str]:
    database, disk = _database(), {"disk": _disk()}
    checks = dict.fromkeys(("worker", "clock", "sending"), _UNKNOWN)
    if database == _OK:
        try:
            with services().sessions.reading() as session:
                checks = {"worker": _worker(session), "clock": _clock(session), "sending": _sending(session)}
        except AWAY:
            database = _DOWN
    return {"database": database} | disk | checks


def _database() -> str:
    try:
        schema.require_current(services().sessions.reading_engine)
    except AWAY:
        return _DOWN
    except Conflict as error:
        return f"{error}, then restart this process"
    return _OK


def _disk() -> str:
    sessions = services().sessions
    database = [Path(sessions.engine.url.database or "").parent] if sessions.embedded else []
    troubles = map(data_folder.disk_problem, [services().settings.data_dir, *database])
    return next((trouble for trouble in troubles if trouble), _OK)


def _worker(session: Session) -> str:
    if heartbeat.any_alive(session, now()):
        return _OK
    return f"no sign of life from a worker for {heartbeat.FRESH.seconds} seconds; start `newsletter worker`"


def _clock(session: Session) -> str:
    overdue = delivery_metrics.overdue(session, now())
    return _OK if not overdue else f"{overdue} issue(s) wait past their time; see the worker's log"


def _sending(session: Session) -> str:
    return _OK if send_permission.may_send(session) else f"{send_permission.WHY_NOT}; {send_permission.WHAT_TO_DO}"


def _uncached(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
