"""The team of the desk, and a browser for each of them."""

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from newsletter import editors
from newsletter.editors import Editor, Role
from newsletter.wiring import Services
from tests import sample_services
from tests.originals import Fill
from tests.web.desk.visits import PASSWORD, Visitor, hashed

Enter = Callable[[Role], Visitor]


@pytest.fixture
def filled() -> Fill:
    """The house has the shipped issues, two of them out."""
    return sample_services.stocked


@pytest.fixture
def engage(services: Services, now: datetime) -> Callable[..., Editor]:
    """Take somebody into the team."""

    def add(role: Role, password: str | None = PASSWORD, email: str = "") -> Editor:
        with services.sessions.begin() as session:
            editor = editors.add(session, email or f"{role}@desk.example", role, now)
            if password:
                editor.password_hash = hashed(password)
            return editor

    return add


@pytest.fixture
def stranger(app: Flask) -> Visitor:
    """Somebody in a browser who is not signed in."""
    return visitor(app)


@pytest.fixture
def enter(app: Flask, engage: Callable[..., Editor]) -> Enter:
    """Somebody of that role who has signed in."""

    def come_in(role: Role) -> Visitor:
        come = visitor(app)
        come.sign_in(engage(role).email)
        return come

    return come_in


@pytest.fixture
def editor(enter: Enter) -> Visitor:
    return enter(Role.EDITOR)


def visitor(app: Flask) -> Visitor:
    client: FlaskClient = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    return Visitor(client)
