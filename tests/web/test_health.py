import os
import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, InternalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from newsletter.db import DatabaseDown, Sessions
from newsletter.delivery.workers import heartbeat
from newsletter.editorial.issues import issue_store
from newsletter.web import create_app
from newsletter.wiring import Services
from newsletter.workflows import publish
from tests import sample_services
from tests.sample_services import Clock

AWAY = [
    DatabaseDown("SELECT 1", {}, ConnectionError("no route")),
    InternalError("INSERT", {}, ConnectionError("read-only since a failover")),
    InterfaceError("SELECT 1", {}, ConnectionError("closed")),
    PoolTimeout("all connections are taken"),
]


def break_store(services: Services, monkeypatch: pytest.MonkeyPatch, error: Exception = AWAY[0]) -> None:
    def refuse() -> None:
        raise error

    monkeypatch.setattr(services.sessions, "reading", refuse)
    monkeypatch.setattr(services.sessions, "begin", refuse)


@pytest.fixture
def beating(services: Services, now) -> None:
    with services.sessions.begin() as session:
        heartbeat.beat(session, "press-1", now)


def test_the_process_is_up_whatever_the_store_does(
    program: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_store(services, monkeypatch)
    assert (program.get("/healthz").status_code, program.get("/healthz").text) == (200, "ok\n")


@pytest.mark.usefixtures("beating")
def test_all_is_well_while_a_worker_gives_signs_of_life(program: FlaskClient, clock: Clock) -> None:
    answer = program.get("/readyz")
    well = dict.fromkeys(("database", "disk", "worker", "clock", "sending"), "ok")
    assert (answer.status_code, answer.json) == (200, {"ready": True} | well)
    clock.turn(seconds=31)
    answer = program.get("/readyz")
    assert (answer.status_code, answer.json["ready"]) == (503, False)
    assert "start `newsletter worker`" in answer.json["worker"]


@pytest.mark.usefixtures("stocked")
def test_an_issue_that_waits_past_its_hour_means_that_the_clock_stands(
    program: FlaskClient, services: Services, clock: Clock, now
) -> None:
    with services.sessions.begin() as session:
        issue = issue_store.find(session, sample_services.WAITING)
        publish.schedule(session, services.letters, issue, now + timedelta(hours=1), now)
    assert program.get("/readyz").json["clock"] == "ok"
    clock.turn(hours=1, minutes=2)
    assert program.get("/readyz").json["clock"].startswith("1 issue(s) wait past their time")


@pytest.mark.usefixtures("beating")
def test_whoever_writes_for_long_makes_nothing_unready(program: FlaskClient, services: Services) -> None:
    with services.sessions.begin() as session:
        session.connection()
        assert program.get("/readyz").json["database"] == "ok"


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
def test_a_store_that_does_not_answer_is_named(
    program: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    break_store(services, monkeypatch, error)
    answer = program.get("/readyz")
    assert answer.status_code == 503
    assert "DATABASE_URL" in answer.json["database"]


@pytest.mark.usefixtures("beating")
def test_a_database_whose_file_is_gone_is_told(program: FlaskClient, services: Services) -> None:
    assert program.get("/readyz").status_code == 200
    Path(services.sessions.engine.url.database or "").unlink()
    answer = program.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["database"] != "ok"


@pytest.mark.usefixtures("beating")
def test_a_database_that_has_lost_its_tables_is_told(program: FlaskClient, services: Services) -> None:
    with services.sessions.begin() as session:
        session.execute(text("ALTER TABLE heartbeats RENAME TO heartbeats_of_old"))
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    answer = program.get("/readyz")
    assert (answer.status_code, answer.json["worker"]) == (503, "not known without the database")
    assert "run `newsletter db upgrade`" in answer.json["database"]


@pytest.mark.usefixtures("beating")
def test_a_full_disk_is_seen(program: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    now = os.statvfs("/")
    fields = {name: getattr(now, name) for name in dir(now) if name.startswith("f_")}
    for lack in ({"f_bavail": 100, "f_frsize": 4096}, {"f_files": 1000, "f_favail": 0}):
        monkeypatch.setattr(os, "statvfs", lambda _path, lack=lack: SimpleNamespace(**fields | lack))
        answer = program.get("/readyz")
        assert (answer.status_code, answer.json["database"]) == (503, "ok")
        assert answer.json["disk"].endswith("is full; free some room")


@pytest.mark.usefixtures("beating")
def test_a_database_of_another_version_is_told(program: FlaskClient, services: Services) -> None:
    with services.sessions.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    answer = program.get("/readyz")
    assert answer.status_code == 503
    assert "run `newsletter db upgrade`" in answer.json["database"]


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
def test_a_reader_who_comes_meanwhile_is_asked_to_try_again(
    browser: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    break_store(services, monkeypatch, error)
    for answer in (browser.get("/"), browser.post("/subscribe", data={"email": "ada@example.org"})):
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "30"
        assert "try again in a minute" in answer.text


def test_a_fault_of_ours_shows_no_traceback(browser: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setitem(app.view_functions, "public.home", fail)
    answer = browser.get("/")
    assert answer.status_code == 500
    assert "The fault is ours" in answer.text
    assert "Traceback" not in answer.text
    assert "secret" not in answer.text


@pytest.mark.usefixtures("reader", "stocked")
def test_the_numbers_are_there_for_prometheus(program: FlaskClient, services: Services, now) -> None:
    with services.sessions.begin() as session:
        publish.send_now(session, services.letters, issue_store.find(session, sample_services.WAITING), now)
    numbers = program.get("/metrics").text
    assert 'newsletter_subscriptions{publication="backpainhelp",status="active"} 1.0' in numbers
    assert "newsletter_outbox_pending 2.0" in numbers
    assert re.search(r'newsletter_copies\{letter="\d+",state="pending"\} 1\.0', numbers)
    assert re.search(r'newsletter_copies\{letter="\d+",state="sent"\} 0\.0', numbers)
    assert 'newsletter_requests_total{method="POST",route="/confirm/<token>",status="200"} 1.0' in numbers
    assert "newsletter_request_seconds_bucket" in numbers


def test_no_number_is_labelled_with_what_a_stranger_sent(program: FlaskClient) -> None:
    program.get("/ada@example.org")
    program.get("/confirm/a-key")
    program.open("/", method="ADA")
    numbers = program.get("/metrics").text
    assert not re.search("ada|a-key", numbers, re.IGNORECASE)


def test_a_stranger_does_not_get_the_numbers(program: FlaskClient) -> None:
    for somebody in ("203.0.113.7", "10.0.0.7", "2001:db8::7", "::ffff:203.0.113.7", ""):
        answer = program.get("/metrics", environ_base={"REMOTE_ADDR": somebody})
        assert answer.status_code == 403
        assert "newsletter_" not in answer.text
        assert "METRICS_TOKEN" in answer.text


def test_this_machine_gets_the_numbers(program: FlaskClient) -> None:
    for here in ("127.0.0.1", "127.8.8.8", "::1"):
        assert program.get("/metrics", environ_base={"REMOTE_ADDR": here}).status_code == 200


@pytest.mark.parametrize("hops", [0, 1])
@pytest.mark.parametrize(
    "header",
    [
        *(
            "X-Forwarded-For",
            "Forwarded",
            "X-Real-IP",
            "Via",
            "X-Vercel-Forwarded-For",
            "X-Azure-ClientIP",
            "Client-IP",
        ),
        *(
            "WL-Proxy-Client-IP",
            "X-ProxyUser-Ip",
            "X-Appengine-User-IP",
            "CloudFront-Viewer-Address",
            "X-Original-Host",
        ),
    ],
)
def test_who_comes_through_a_proxy_on_this_machine_or_claims_to_is_not_this_machine(
    sessions: Sessions, tmp_path: Path, hops: int, header: str
) -> None:
    program = create_app(sample_services.build(sessions, tmp_path, proxy_hops=hops)).test_client()
    assert program.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("Bearer a token for Prometheus", 200),
        ("bearer a token for Prometheus", 200),
        ("Bearer a token for Prometheuz", 403),
        ("Bearer", 403),
        ("Bearer \xe9", 403),
        ("Basic YSB0b2tlbjpmb3IgUHJvbWV0aGV1cw==", 403),
        ("a token for Prometheus", 403),
    ],
)
def test_from_elsewhere_only_the_token_opens_the_numbers(
    sessions: Sessions, tmp_path: Path, given: str, status: int
) -> None:
    services = sample_services.build(sessions, tmp_path, metrics_token="a token for Prometheus")
    program = create_app(services).test_client()
    elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
    assert program.get("/metrics", environ_base=elsewhere, headers={"Authorization": given}).status_code == status


def test_the_store_is_counted_once_in_fifteen_seconds_however_often_somebody_asks(
    browser: FlaskClient, clock: Clock
) -> None:
    assert "newsletter_outbox_pending 0.0" in browser.get("/metrics").text
    browser.post("/subscribe", data={"email": "ada@example.org", "name": "Ada"})
    clock.turn(seconds=14)
    assert "newsletter_outbox_pending 0.0" in browser.get("/metrics").text
    clock.turn(seconds=1)
    assert "newsletter_outbox_pending 1.0" in browser.get("/metrics").text


def test_a_clock_that_was_set_back_does_not_freeze_the_numbers(browser: FlaskClient, clock: Clock) -> None:
    browser.get("/metrics")
    browser.post("/subscribe", data={"email": "ada@example.org", "name": "Ada"})
    clock.turn(hours=-1)
    assert "newsletter_outbox_pending 1.0" in browser.get("/metrics").text
