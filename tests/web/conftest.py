"""A house on SQLite, served; a reader's browser, and a program that is none.

On PostgreSQL, desk/test_on_postgresql.py opens every address.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter.audience.models import Subscription
from newsletter.web import create_app, forms
from newsletter.wiring import Services
from tests import sample_services
from tests.originals import Fill, Originals
from tests.sample_services import Clock


class Seconds:
    """What a cache takes the time from."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def filled(request: pytest.FixtureRequest) -> Fill:
    return sample_services.stocked if "stocked" in request.fixturenames else sample_services.opened


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, originals: Originals, filled: Fill, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own; what the databases may do differently is tested below the web."""
    with originals.copy(request.param, filled, tmp_path) as url:
        yield url


@pytest.fixture
def stocked(services: Services) -> Services:
    """With the shipped issues: two that are out, and three that wait."""
    return services


@pytest.fixture
def app(services: Services, clock: Clock) -> Flask:
    return with_patient_clients(create_app(services, clock))


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """A browser that keeps cookies and says where its forms come from."""
    return browser_of(app)


@pytest.fixture
def program(app: Flask) -> FlaskClient:
    """Something that is no browser, and keeps no cookies."""
    return app.test_client(use_cookies=False)


@pytest.fixture
def reader(browser: FlaskClient, services: Services) -> Subscription:
    """Ada, who signed up by the form and confirmed."""
    browser.post("/subscribe", data={"email": "ada@example.org", "name": "Ada"})
    browser.post(sample_services.path_of(sample_services.letters(services)[-1]["confirm_url"]))
    return subscription(services)


class Patient(FlaskClient):
    """Whose forms that anybody may send were shown ten seconds before, unless the test says when."""

    def post(self, *args: Any, **kwargs: Any) -> Any:
        is_guarded = args[:1] in {("/subscribe",), ("/link",), ("/ask",), ("/book",)}
        if is_guarded and forms.SHOWN not in kwargs.get("data", {}):
            kwargs["data"] = kwargs["data"] | {forms.SHOWN: shown(self.application)}
        return super().post(*args, **kwargs)


def with_patient_clients(app: Flask) -> Flask:
    app.test_client_class = Patient
    return app


def shown(app: Flask, seconds_ago: float = 10) -> str:
    """What a form carries that was shown so long ago."""
    at_hand = app.extensions["newsletter"]
    return at_hand.services.links.form_time(at_hand.clock() - timedelta(seconds=seconds_ago))


def browser_of(app: Flask) -> FlaskClient:
    client = with_patient_clients(app).test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    return client


def subscription(services: Services) -> Subscription:
    """The newest subscription."""
    with services.sessions.reading() as session:
        return session.scalars(select(Subscription).order_by(Subscription.id.desc())).first()
